import { CpnsError } from '@cpns/shared';

/** A command whose result has been shown, and which nevertheless failed: only the exit code is left to say. */
export class FailedResult extends CpnsError {
  constructor(sentence: string) {
    super('State', 'FailedResult', sentence);
  }
}

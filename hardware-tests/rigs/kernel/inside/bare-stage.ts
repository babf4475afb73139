import { type Clock, CpnsError } from '@cpns/shared';
import type { BuiltStage, LogOf, ServerHandle } from '../../rig.js';

const nothing = () => new CpnsError('Internal', 'BareStage', 'This stage has neither devices nor a server.');
const missing = () => Promise.reject(nothing());

/** A stage for what brings its own programs. */
export class BareStage implements BuiltStage {
  readonly clock: Clock;
  readonly outsiders = { browse: missing, publish: missing, subscribe: missing };
  readonly device = missing;
  readonly attacker = missing;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get server(): ServerHandle {
    throw nothing();
  }

  tell(story: () => Promise<void>): Promise<void> {
    return story();
  }

  logs(): readonly LogOf[] {
    return [];
  }

  async dispose(): Promise<void> {}
}

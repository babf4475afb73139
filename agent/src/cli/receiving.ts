import type { FetchEvent } from '../control/api/contents.js';
import type { CommandContext } from './command-context.js';
import { FetchedFile, targetOf } from './fetched-file.js';
import { beginsText } from './text/contents-text.js';

/** The agent gives up much earlier when nothing comes. */
export const FETCH_MS = 24 * 3_600_000;
/** A line of progress for each tenth. */
const LINES = 10;

/** A content on its way into a file, which is there only after {@link finish}. */
export class Receiving {
  readonly #report: CommandContext['report'];
  readonly #from: string;
  readonly #out: string | undefined;
  #file: FetchedFile | undefined;
  #parts = 0;

  constructor({ report }: CommandContext, from: string, out: string | undefined) {
    this.#report = report;
    this.#from = from;
    this.#out = out;
  }

  /** @throws CpnsError Config/NeedsOut, Config/FileExists, State */
  take(event: FetchEvent): void {
    if (event.type === 'begins') {
      this.#file = FetchedFile.begin(targetOf(this.#out, event.content.name));
      this.#parts = event.parts;
      for (const line of beginsText(event.content, this.#from)) this.#report.progress(line);
      return;
    }
    this.#file?.add(Buffer.from(event.payload, 'base64'));
    const done = event.part + 1;
    if (done % Math.ceil(this.#parts / LINES) === 0 && done < this.#parts)
      this.#report.progress(`  ${Math.floor((done * 100) / this.#parts)} %`);
  }

  /** Where it is. @throws CpnsError Config/FileExists, State */
  finish(): string {
    return this.#file?.finish() ?? '';
  }

  /** Removes what is there, unless it is finished. */
  discard(): void {
    this.#file?.discard();
  }
}

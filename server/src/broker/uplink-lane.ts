import { CpnsError } from '@cpns/shared';

/** Runs the messages of one device: begun in order, at most `width` at once. What waits is bounded by what one read of the socket gives. */
export class UplinkLane {
  readonly #width: number;
  readonly #waiting: { readonly begin: () => void; readonly drop: () => void }[] = [];
  #running = 0;
  #closed = false;

  constructor(width: number) {
    this.#width = width;
  }

  /** @throws what `task` throws; CpnsError State/Disconnected when the lane was closed before the task began */
  async run(task: () => Promise<void>): Promise<void> {
    if (this.#running >= this.#width) {
      await new Promise<void>((begin, reject) => this.#waiting.push({ begin, drop: () => reject(disconnected()) }));
    } else {
      this.#running++;
    }
    try {
      if (this.#closed) throw disconnected();
      await task();
    } finally {
      // The place goes straight to the next one, so that nobody overtakes.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next.begin();
    }
  }

  /** The device is gone: what has not begun is dropped; the device repeats it. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.drop();
  }
}

function disconnected(): CpnsError {
  return new CpnsError('State', 'Disconnected', 'The device was disconnected.');
}

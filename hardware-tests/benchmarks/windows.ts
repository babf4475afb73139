/** So many messages are on the way at once; the next ones follow when all of them have arrived. */
const WINDOW = 32;

/** Keeps a connection busy without ever filling its queues: sends messages window by window. */
export class Windows {
  readonly #sendOne: () => void;
  #missing = 0;
  #arrived = () => {};
  #failed = (_error: Error) => {};

  constructor(sendOne: () => void) {
    this.#sendOne = sendOne;
  }

  /** Resolves when `count` messages have arrived. @throws what was given to {@link fail} */
  async send(count: number): Promise<void> {
    for (let left = count; left > 0; left -= WINDOW) {
      this.#missing = Math.min(left, WINDOW);
      const all = new Promise<void>((resolve, reject) => {
        this.#arrived = resolve;
        this.#failed = reject;
      });
      for (let i = Math.min(left, WINDOW); i > 0; i--) this.#sendOne();
      await all;
    }
  }

  /** One message has arrived. */
  arrive(): void {
    if (--this.#missing === 0) this.#arrived();
  }

  /** The connection is gone. */
  fail(error: Error): void {
    this.#failed(error);
  }
}

import { setImmediate as turn } from 'node:timers/promises';

/** Keeps virtual time from passing while something real, such as a TLS handshake, is under way. */
export class HeldTime {
  readonly #underWay = new Set<Promise<unknown>>();

  /** What a virtual clock waits for between two timers. */
  readonly turn = async (): Promise<void> => {
    do await turn();
    while (this.#underWay.size > 0);
  };

  /** Runs `action`, which must not wait for virtual time. */
  async during<T>(action: () => Promise<T>): Promise<T> {
    const running = action();
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }
}

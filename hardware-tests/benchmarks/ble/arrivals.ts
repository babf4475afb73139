import { contentOf } from './end-lines.js';

/** Compares everything that arrives with what has to come. Where one message ends and the next begins is of no account. */
export class Arrivals {
  #content: Uint8Array = new Uint8Array(0);
  #at = 0;
  #missing = 0;
  #arrived = () => {};
  #wrong = (_error: Error) => {};
  #over: Promise<void> = Promise.resolve();

  expect(messages: number, octets: number): void {
    this.#content = contentOf(octets);
    this.#at = 0;
    this.#missing = messages * octets;
    this.#over = new Promise((resolve, reject) => {
      this.#arrived = resolve;
      this.#wrong = reject;
    });
    this.#over.catch(() => {});
  }

  /** Resolves when what was expected has come. @throws Error when something else came */
  arrived(): Promise<void> {
    return this.#over;
  }

  add(octets: Uint8Array): void {
    for (let from = 0; from < octets.length; ) {
      const length = Math.min(octets.length - from, this.#content.length - this.#at);
      const same =
        length > 0 && Buffer.compare(octets.subarray(from, from + length), this.#content.subarray(this.#at, this.#at + length)) === 0;
      if (!same) return this.#wrong(new Error('What arrived is not what was sent.'));
      from += length;
      this.#at = (this.#at + length) % this.#content.length;
    }
    this.#missing -= octets.length;
    if (this.#missing === 0) this.#arrived();
    if (this.#missing < 0) this.#wrong(new Error('More arrived than was sent.'));
  }
}

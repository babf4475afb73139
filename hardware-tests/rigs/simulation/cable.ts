/** What connects a simulated computer with its network; without it nothing gets in or out, and nobody is told. */
export class Cable {
  readonly #listeners = new Set<() => void>();
  #plugged: boolean;

  constructor(plugged = true) {
    this.#plugged = plugged;
  }

  get plugged(): boolean {
    return this.#plugged;
  }

  /** Calls `listener` whenever it is pulled, until the returned function is called. */
  onPull(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  unplug(): void {
    if (!this.#plugged) return;
    this.#plugged = false;
    for (const listener of [...this.#listeners]) listener();
  }

  plug(): void {
    this.#plugged = true;
  }
}

import type { Store } from '@cpns/shared';

const BEGINS = 'begins to store';

/** What a party does that others or its disk can notice, in order: the moments at which a test may end it. */
export class Deeds {
  readonly done: string[] = [];
  #at = Number.POSITIVE_INFINITY;
  #then = () => {};

  /** Calls `action` right after the n-th deed from now; 1 is the next one. */
  at(n: number, action: () => void): void {
    this.#at = this.done.length + n;
    this.#then = action;
  }

  /** Calls `action` when the n-th commit from now begins. */
  atCommit(n: number, action: () => void): void {
    this.at(1, () => {
      const begun = this.done.at(-1)?.startsWith(BEGINS) ?? false;
      if (begun && n === 1) action();
      else this.atCommit(begun ? n - 1 : n, action);
    });
  }

  did(what: string): void {
    this.done.push(what);
    if (this.done.length === this.#at) this.#then();
  }
}

/** A store whose commits are deeds: once when they begin, once when they are durable. */
export function observedStore(store: Store, deeds: Deeds): Store {
  return {
    get: (key) => store.get(key),
    keys: (prefix) => store.keys(prefix),
    commit: async (changes) => {
      const what = [...changes.keys()].map((key) => key.split('/')[0]).join(' ');
      deeds.did(`${BEGINS} ${what}`);
      await store.commit(changes);
      deeds.did(`has stored ${what}`);
    },
  };
}

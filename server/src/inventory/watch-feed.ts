import type { EntityId } from '@cpns/shared';
import type { WatchFilter, WatchItem } from '../api/admin-port.js';

type Numbered<T> = T extends unknown ? Omit<T, 'n'> : never;

function passes(item: Numbered<WatchItem>, filter: WatchFilter): boolean {
  if (filter.kinds !== undefined && !filter.kinds.includes(item.kind)) return false;
  if (filter.entityId !== undefined && !involves(item, filter.entityId)) return false;
  return filter.channel === undefined || (item.kind === 'data' && item.channel === filter.channel);
}

function involves(item: Numbered<WatchItem>, entityId: EntityId): boolean {
  return item.kind === 'data' ? item.from === entityId || item.to === entityId : item.entityId === entityId;
}

/** Hands what became durable to whoever watches. Nothing is kept for later. */
export class WatchFeed {
  readonly #watchers = new Set<{ readonly filter: WatchFilter; readonly listener: (item: WatchItem) => void }>();
  #count = 0;

  /** Calls `listener` for everything from now on that passes the filter, until the returned function is called. */
  watch(filter: WatchFilter, listener: (item: WatchItem) => void): () => void {
    const watcher = { filter, listener };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  show(item: Numbered<WatchItem>): void {
    const numbered = { ...item, n: ++this.#count } as WatchItem;
    for (const watcher of [...this.#watchers]) if (passes(item, watcher.filter)) watcher.listener(numbered);
  }
}

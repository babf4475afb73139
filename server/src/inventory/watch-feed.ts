import type { EntityId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import type { WatchFilter, WatchItem } from '../api/admin-port.js';
import type { EventReads, StoredEvent } from './events.js';
import type { ReceivedDataReads, StoredData } from './received-data.js';

/** Of each kind so many of the last are looked through for what passes a filter. */
const LOOKED_THROUGH = 1_000;

/** Hands what became durable to whoever watches. */
export class WatchFeed {
  readonly #watchers = new Set<{ readonly filter: WatchFilter; readonly listener: (item: WatchItem) => void }>();

  /** Calls `listener` for everything from now on that passes the filter, until the returned function is called. */
  watch(filter: WatchFilter, listener: (item: WatchItem) => void): () => void {
    const watcher = { filter, listener };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** What `describe` gives is shown to everybody who watches; it is called when somebody does. */
  show(describe: () => WatchItem): void {
    if (this.#watchers.size === 0) return;
    const item = describe();
    for (const watcher of [...this.#watchers]) if (passes(item, watcher.filter)) watcher.listener(item);
  }
}

/** The last `filter.past` of what is kept and passes the filter, oldest first. */
export function pastItems(
  reads: { readonly receivedData: ReceivedDataReads; readonly events: EventReads },
  filter: WatchFilter,
): readonly WatchItem[] {
  const { past = 0 } = filter;
  if (past === 0) return [];
  const data = reads.receivedData.latest(LOOKED_THROUGH).map(itemOfData);
  const events = reads.events.latest(LOOKED_THROUGH).map(itemOfEvent);
  const passed = [...data, ...events].filter((item) => passes(item, filter));
  return passed.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-past);
}

export function itemOfData({ messageId, from, channel, contentType, payload, receivedMs }: StoredData): WatchItem {
  return {
    kind: 'data',
    at: new Date(receivedMs).toISOString(),
    messageId: toHex(messageId),
    from,
    to: 'server',
    channel,
    contentType,
    payload: Buffer.from(payload).toString('base64'),
  };
}

export function itemOfEvent({ event, text, entityId, pnId, atMs }: StoredEvent): WatchItem {
  const about = { ...(entityId !== undefined && { entityId }), ...(pnId !== undefined && { pnId }) };
  return { kind: 'event', at: new Date(atMs).toISOString(), event, text, ...about };
}

function passes(item: WatchItem, filter: WatchFilter): boolean {
  if (filter.kinds !== undefined && !filter.kinds.includes(item.kind)) return false;
  if (filter.entityId !== undefined && !involves(item, filter.entityId)) return false;
  return filter.channel === undefined || (item.kind === 'data' && item.channel === filter.channel);
}

function involves(item: WatchItem, entityId: EntityId): boolean {
  return item.kind === 'data' ? item.from === entityId || item.to === entityId : item.entityId === entityId;
}

import type { Clock } from '@cpns/shared';
import { modeName } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Happening as CoreHappening } from '../../entity/device-context.js';
import { sgIdText } from '../../entity/device-state.js';
import type { ReceivedMessage } from '../../entity/messenger.js';
import type { Happening, MessageEvent, WatchEvent } from '../api/messages.js';

/** Everything that happens at an agent, for whoever watches. Nothing is kept: what was before is not repeated. */
export class HappeningFeed {
  readonly #clock: Clock;
  readonly #watchers = new Set<(event: WatchEvent) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The returned function ends it. */
  watch(watcher: (event: WatchEvent) => void): () => void {
    // A function of its own, so that the same watcher may watch twice.
    const own = (event: WatchEvent) => watcher(event);
    this.#watchers.add(own);
    return () => this.#watchers.delete(own);
  }

  happened(what: CoreHappening): void {
    this.#tell(happeningEvent(what, this.#clock.wallMs()));
  }

  received(message: ReceivedMessage): void {
    this.#tell(messageEvent(message));
  }

  #tell(event: WatchEvent): void {
    for (const watcher of [...this.#watchers]) watcher(event);
  }
}

function happeningEvent(what: CoreHappening, atWallMs: number): Happening {
  if (what.type !== 'mode') return { ...what, atWallMs };
  const { type, text, mode, gateway } = what;
  return { type, text, atWallMs, mode: modeName(mode), ...(gateway && { gateway }) };
}

function messageEvent({ data, pnId, receivedAtWallMs, sentAtWallMs }: ReceivedMessage): MessageEvent {
  return {
    type: 'message',
    messageId: toHex(data.id),
    ...(pnId && { pnId }),
    ...(data.group && { group: sgIdText(data.group) }),
    from: data.from,
    channel: data.channel,
    contentType: data.contentType,
    payload: Buffer.from(data.payload).toString('base64'),
    receivedAtWallMs,
    ...(sentAtWallMs !== undefined && { sentAtWallMs }),
  };
}

import type { Happening as CoreHappening, ReceivedMessage } from '../../index.js';
import type { Happening, MessageEvent, WatchEvent } from '../api/messages.js';
import type { ModeName } from '../api/status.js';
import { messageEvent } from './message-event.js';

/** Everything that happens at an agent, for whoever watches. Nothing is kept: what was before is not repeated. */
export class HappeningFeed {
  readonly #watchers = new Set<(event: WatchEvent) => void>();
  readonly #mode: () => ModeName;
  readonly #wallMs: () => number;

  constructor(mode: () => ModeName, wallMs: () => number) {
    this.#mode = mode;
    this.#wallMs = wallMs;
  }

  /** The returned function ends it. */
  watch(watcher: (event: WatchEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  happened(what: CoreHappening): void {
    this.#tell(this.#asEvent(what));
  }

  received(message: ReceivedMessage): void {
    const event: MessageEvent = messageEvent(message);
    this.#tell(event);
  }

  #asEvent(what: CoreHappening): Happening {
    const common = { text: what.text, atWallMs: this.#wallMs() };
    switch (what.type) {
      case 'mode':
        return { ...common, type: 'mode', mode: this.#mode(), ...(what.gateway && { gateway: what.gateway }) };
      default:
        return { ...common, ...what };
    }
  }

  #tell(event: WatchEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }
}

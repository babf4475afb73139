import type { Clock } from '@cpns/shared';
import type { L2capPacket } from './acl.js';

export interface PipeOptions {
  readonly clock: Clock;
  /** How long what is sent now takes. */
  readonly delayMs: () => number;
  /** False: nothing can be handed over at present; {@link Pipe.pump} is called when that has changed. */
  readonly isOpen: () => boolean;
  readonly deliver: (packet: L2capPacket) => void;
}

/** One direction of a link: keeps the order, takes its time, and holds back what the other side cannot take yet. */
export class Pipe {
  readonly #options: PipeOptions;
  readonly #waiting: { readonly packet: L2capPacket; readonly dueMs: number }[] = [];
  #cancel: (() => void) | undefined;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  push(packet: L2capPacket): void {
    const { clock, delayMs } = this.#options;
    const dueMs = Math.max(clock.monotonicMs() + delayMs(), this.#waiting.at(-1)?.dueMs ?? 0);
    this.#waiting.push({ packet, dueMs });
    this.pump();
  }

  /** Hands over what is due. */
  pump(): void {
    const { clock, isOpen, deliver } = this.#options;
    for (let next = this.#waiting[0]; next !== undefined && isOpen(); next = this.#waiting[0]) {
      const inMs = next.dueMs - clock.monotonicMs();
      if (inMs > 0) {
        this.#cancel ??= clock.after(inMs, () => {
          this.#cancel = undefined;
          this.pump();
        });
        return;
      }
      this.#waiting.shift();
      deliver(next.packet);
    }
  }

  /** Forgets what waits. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#waiting.length = 0;
  }
}

import { CpnsError, type Link, type LinkHandler, MAX_FRAME_OCTETS } from '@cpns/shared';
import { Confirmations, FLOW_WINDOW, frameWeight } from './radio/flow-count.js';
import type { ToRadio } from './radio/messages.js';

/** Frames kept until {@link Link.open}, as the port says. */
const KEPT_UNOPENED = 64;

export interface RadioLinkOptions {
  readonly id: number;
  readonly initiated: boolean;
  readonly remote: string;
  /** Octets that may wait to be sent. */
  readonly maxQueuedOctets: number;
  readonly say: (message: ToRadio) => void;
  /** Once: it is over. */
  readonly ended: (link: RadioLink) => void;
}

/** A link over the radio process. */
export class RadioLink implements Link {
  readonly technology = 'ble';
  readonly id: number;
  readonly initiated: boolean;
  readonly remote: string;
  readonly #options: RadioLinkOptions;
  readonly #kept: Uint8Array[] = [];
  /** Not handed to the radio process yet. */
  readonly #queue: Uint8Array[] = [];
  readonly #taken: Confirmations;
  #queuedOctets = 0;
  /** Handed to the radio process, and not confirmed. */
  #underWay = 0;
  #handler: LinkHandler | undefined;
  #endedBecause: string | undefined;
  #told = false;

  constructor(options: RadioLinkOptions) {
    this.id = options.id;
    this.initiated = options.initiated;
    this.remote = options.remote;
    this.#options = options;
    this.#taken = new Confirmations((weight) => options.say({ type: 'taken', link: this.id, weight }));
  }

  open(handler: LinkHandler): void {
    this.#handler = handler;
    for (const octets of this.#kept.splice(0)) this.#deliver(octets, handler);
    this.#tell();
  }

  send(octets: Uint8Array): void {
    if (octets.length > MAX_FRAME_OCTETS) {
      throw new CpnsError('Internal', 'FrameTooLong', `A frame of ${octets.length} octets is longer than a link carries.`);
    }
    if (this.#endedBecause !== undefined) return;
    if (this.#queue.length === 0 && this.#hasRoom(octets)) return this.#pass(octets);
    this.#queue.push(octets.slice());
    this.#queuedOctets += octets.length;
    if (this.#queuedOctets > this.#options.maxQueuedOctets) this.close('the other device reads too slowly');
  }

  close(reason: string): void {
    if (this.#endedBecause !== undefined) return;
    this.#options.say({ type: 'close', link: this.id });
    this.over(reason);
  }

  /** The radio process has a frame of the peer. */
  frame(octets: Uint8Array): void {
    if (this.#endedBecause !== undefined) return;
    if (this.#handler !== undefined) this.#deliver(octets, this.#handler);
    else if (this.#kept.length < KEPT_UNOPENED) this.#kept.push(octets);
    else this.close('frames arrived faster than they were taken');
  }

  /** The radio process has a part of a frame. */
  heard(): void {
    if (this.#endedBecause === undefined) this.#handler?.heard?.();
  }

  /** The radio process has sent frames of this weight. */
  sent(weight: number): void {
    this.#underWay = Math.max(0, this.#underWay - weight);
    for (let next = this.#queue[0]; next !== undefined && this.#hasRoom(next); next = this.#queue[0]) {
      this.#queue.shift();
      this.#queuedOctets -= next.length;
      this.#pass(next);
    }
  }

  /** Nothing comes or goes any more. */
  over(reason: string): void {
    if (this.#endedBecause !== undefined) return;
    this.#endedBecause = reason;
    this.#queue.length = 0;
    this.#options.ended(this);
    this.#tell();
  }

  #hasRoom(octets: Uint8Array): boolean {
    return this.#underWay + frameWeight(octets) <= FLOW_WINDOW;
  }

  #pass(octets: Uint8Array): void {
    this.#underWay += frameWeight(octets);
    this.#options.say({ type: 'frame', link: this.id, octets });
  }

  #deliver(octets: Uint8Array, handler: LinkHandler): void {
    this.#taken.add(frameWeight(octets));
    handler.frame(octets);
  }

  /** Later than the call that ended the link, so that nobody is told within a call of his own. */
  #tell(): void {
    const [handler, reason] = [this.#handler, this.#endedBecause];
    if (handler === undefined || reason === undefined || this.#told) return;
    this.#told = true;
    queueMicrotask(() => handler.closed(reason));
  }
}

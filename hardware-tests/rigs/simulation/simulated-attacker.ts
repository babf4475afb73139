import { type Clock, type EntityId, entityId, type Link, sleep } from '@cpns/shared';
import { AttackerLink, flipBit, type Tamper } from '@cpns/shared/testing';
import type { Attacker, DeviceHandle, Direction } from '../rig.js';
import { nextFlip, type Tampering } from '../tampering.js';
import type { SimulatedAir } from './air.js';

/** So long the attacker waits for an answer to what it made up. */
const LISTEN_MS = 3_000;

/** Who sends what goes this way. */
const SENDER = { out: 'initiator', in: 'responder' } as const;

/** A link through the attacker. */
interface Passage {
  readonly link: AttackerLink;
  isOpen: boolean;
}

/** Somebody between a room and a device in a room of its own, who takes its calls and passes them on. */
export class SimulatedAttacker implements Attacker {
  readonly id: EntityId;
  readonly address: string;
  readonly room: string;
  readonly #air: SimulatedAir;
  readonly #clock: Clock;
  readonly #passages: Passage[] = [];
  readonly #tampering: Tampering = { alter: { out: 0, in: 0 }, bit: 0 };
  #target: EntityId | undefined;

  constructor(name: string, address: string, air: SimulatedAir, clock: Clock) {
    this.id = entityId(name);
    this.address = address;
    this.room = `behind ${name}`;
    this.#air = air;
    this.#clock = clock;
    air.addDoor({
      id: this.id,
      address,
      room: this.room,
      introduction: () => {
        const target = this.#target;
        const announcement = target && air.announcementOf(target);
        return target && announcement && { id: target, ...announcement };
      },
      accepted: (link) => this.#passOn(link),
    });
  }

  async aim(device: DeviceHandle): Promise<void> {
    this.#target = device.id;
  }

  async seen(): Promise<{ out: number; in: number; links: number }> {
    const count = (direction: Direction) => this.#passages.reduce((sum, { link }) => sum + link.from(SENDER[direction]).length, 0);
    return { out: count('out'), in: count('in'), links: this.#passages.length };
  }

  async alter(direction: Direction, count: number): Promise<void> {
    this.#tampering.alter[direction] = count;
  }

  async replay(direction: Direction): Promise<number> {
    const link = this.#present();
    const frames = link?.from(SENDER[direction]) ?? [];
    for (const octets of frames) link?.inject(direction === 'out' ? 'responder' : 'initiator', octets);
    return frames.length;
  }

  async impersonate(): Promise<{ sent: number; answers: number }> {
    const target = this.#target;
    const frames = this.#passages.flatMap(({ link }) => link.from('initiator'));
    if (target === undefined || frames.length === 0) throw new Error('nothing was recorded yet');
    const own = this.#air.call(this.id, target);
    let answers = 0;
    own.open({
      frame: () => {
        answers++;
      },
      closed: () => {},
    });
    for (const octets of frames) own.send(octets);
    await sleep(this.#clock, LISTEN_MS);
    own.close('it has said everything');
    return { sent: frames.length, answers };
  }

  async cut(): Promise<void> {
    this.#present()?.close('somebody cut it');
  }

  #present(): AttackerLink | undefined {
    return this.#passages.findLast(({ isOpen }) => isOpen)?.link;
  }

  #passOn(near: Link): void {
    let far: Link;
    try {
      if (this.#target === undefined) throw new Error('aimed at nobody');
      far = this.#air.call(this.id, this.#target);
    } catch {
      near.open({ frame: () => {}, closed: () => {} });
      return near.close('nobody is there');
    }
    const tamper: Tamper = ({ from, octets }) => {
      const at = nextFlip(this.#tampering, from === SENDER.out ? 'out' : 'in', octets.length * 8);
      return at === undefined ? 'pass' : flipBit(octets, at);
    };
    const over = () => {
      passage.isOpen = false;
    };
    const passage: Passage = { link: new AttackerLink(noticing(near, over), noticing(far, over), tamper), isOpen: true };
    this.#passages.push(passage);
  }
}

/** A link of whose end `over` hears too. */
function noticing(link: Link, over: () => void): Link {
  return {
    technology: link.technology,
    initiated: link.initiated,
    remote: link.remote,
    open: (handler) =>
      link.open({
        frame: (octets) => handler.frame(octets),
        closed: (reason) => {
          over();
          handler.closed(reason);
        },
      }),
    send: (octets) => link.send(octets),
    close: (reason) => link.close(reason),
  };
}

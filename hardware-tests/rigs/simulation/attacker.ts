import { Secret, toHex } from '@cpns/shared/security';
import type { Verdict } from '@cpns/shared/testing';
import type { FrameHook, Party, SimulatedAir } from './air.js';
import type { SimulatedDevice } from './device.js';
import type { SimulatedServer } from './server.js';

/** Something said over a link in the room, or between a device and the server through the broker. */
export interface Message {
  /** Its place in {@link Attacker.seen}. */
  readonly index: number;
  readonly way: 'air' | 'uplink';
  readonly from: Party;
  readonly to: Party;
  readonly octets: Uint8Array;
}

/** Decides about one message. May use the attacker itself, to inject or to replay. */
export type Scheme = (message: Message, attacker: Attacker) => Verdict;

/** What the disk and the memory of a device hold that nobody else may know, by name. An attacker who owns the device has all of it. */
export function capture({ root, device }: SimulatedDevice): ReadonlyMap<string, Uint8Array> {
  const { state } = device;
  const keys = new Map<string, Uint8Array>();
  for (const [name, key] of Object.entries(root)) if (key instanceof Secret) keys.set(name, key.reveal());
  for (const [peer, { kPair }] of state.pairings()) keys.set(`K_pair with ${peer}`, kPair);
  for (const { pnId, peer, record } of state.localEuKeys()) keys.set(`LocalEUKey ${pnId} with ${peer}`, record.key);
  for (const { pnId, pnKeyEpoch, pnKey } of state.pns()) if (pnKey !== undefined) keys.set(`PN key ${pnId} ${pnKeyEpoch}`, pnKey);
  return keys;
}

/**
 * Owns every link of a simulated world: sees, keeps, alters, drops, repeats and makes up whatever goes through the room and through the
 * broker. A device that it owns lies with a provider of `lying-provider.ts`, and {@link capture} takes its keys.
 */
export class Attacker {
  /** Every message that somebody sent, in order, as it was sent. */
  readonly seen: Message[] = [];
  /** What becomes of a message. Default: all pass. */
  scheme: Scheme = () => 'pass';
  readonly #air: SimulatedAir;
  readonly #server: SimulatedServer;

  constructor({ air, server }: { readonly air: SimulatedAir; readonly server: SimulatedServer }) {
    this.#air = air;
    this.#server = server;
    air.hook = this.#hook('air');
    server.hook = this.#hook('uplink');
  }

  /** The messages of one way that one party sent to another, so far. */
  between(way: Message['way'], from: Party, to: Party): Message[] {
    return this.seen.filter((message) => message.way === way && message.from === from && message.to === to);
  }

  /** Sends octets of the attacker's own making, in the name of `from`. Over the air there must have been a link. */
  inject({ way, from, to, octets }: Omit<Message, 'index'>): void {
    if (way === 'uplink') this.#server.deliver(from, to, octets);
    else this.#air.inject(from, to, octets);
  }

  /** Sends what was seen once more, or, with `change`, to or in the name of somebody else. */
  replay(message: Message, change: Partial<Omit<Message, 'index'>> = {}): void {
    this.inject({ ...message, ...change });
  }

  /** Does `tamper` to the n-th message from now (1: the next one) that is `like` this, and lets everything else pass. */
  once(like: (message: Message) => boolean, tamper: Scheme, n = 1): { readonly done: boolean } {
    const report = { done: false };
    let left = n;
    this.scheme = (message, attacker) => {
      if (report.done || !like(message) || --left > 0) return 'pass';
      report.done = true;
      return tamper(message, attacker);
    };
    return report;
  }

  /** Leaves the links alone; goes on listening. */
  rest(): void {
    this.scheme = () => 'pass';
  }

  /** Whether these octets, or their hexadecimal form, went over any link. */
  heard(secret: Uint8Array): boolean {
    const [raw, hex] = [Buffer.from(secret), Buffer.from(toHex(secret))];
    return this.seen.some(({ octets }) => {
      const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
      return text.includes(raw) || text.includes(hex);
    });
  }

  #hook(way: Message['way']): FrameHook {
    return ({ from, to, octets }) => {
      const message = { index: this.seen.length, way, from, to, octets: octets.slice() };
      this.seen.push(message);
      const verdict = this.scheme(message, this);
      if (verdict === 'drop') return [];
      return verdict === 'pass' ? octets : verdict;
    };
  }
}

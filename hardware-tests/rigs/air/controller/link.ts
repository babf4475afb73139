import type { Clock } from '@cpns/shared';
import { type AclPacket, aclPackets, L2capAssembler, type L2capPacket } from './acl.js';
import type { Attack } from './attack.js';
import type { Faults } from './faults.js';
import { CHANNEL, ROLE, STATUS } from './hci.js';
import {
  type ConnectionParameters,
  completedPackets,
  connectionComplete,
  connectionUpdate,
  disconnectionComplete,
  encryptionChange,
  keyRequest,
} from './hci-events.js';
import type { Interceptor } from './interceptor.js';
import { Pipe } from './pipe.js';
import type { Recorder } from './recorder.js';

/** One end of a link: a controller. */
export interface LinkEnd {
  readonly address: string;
  /** So much data its host takes in one ACL packet. */
  readonly aclOctets: number;
  /** False: its host does not read at present. */
  readonly isReady: boolean;
  emit(event: Buffer): void;
  /** The link is no more. */
  release(link: Link): void;
}

/** What a link finds in the air. */
export interface LinkSurroundings {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly recorder: Recorder;
  readonly attack?: Attack | undefined;
  areNear(one: string, other: string): boolean;
}

export interface LinkOptions {
  readonly air: LinkSurroundings;
  readonly handle: number;
  readonly central: LinkEnd;
  readonly peripheral: LinkEnd;
  readonly parameters: ConnectionParameters;
}

interface Side {
  readonly end: LinkEnd;
  readonly role: number;
  /** What this end sends. */
  readonly pipe: Pipe;
  readonly assembler: L2capAssembler;
}

/** One unit of the supervision timeout (Bluetooth Core Vol 4 Part E, 7.8.12). */
const TIMEOUT_UNIT_MS = 10;

/** A connection between two controllers. Nothing is lost on it as long as it stands: a real link layer repeats until it was heard. */
export class Link {
  readonly handle: number;
  readonly number: number;
  readonly #air: LinkSurroundings;
  readonly #sides: readonly [central: Side, peripheral: Side];
  #parameters: ConnectionParameters;
  /** Ends whose controller has forgotten the link; they are told nothing any more. */
  readonly #gone = new Set<LinkEnd>();
  #isCut = false;
  #isOver = false;
  #stopSupervision: (() => void) | undefined;
  readonly #interceptor: Interceptor | undefined;
  /** The key with which the central wants to encrypt. */
  #offeredKey: Buffer | undefined;

  constructor({ air, handle, central, peripheral, parameters }: LinkOptions) {
    this.#air = air;
    this.handle = handle;
    this.number = air.recorder.link();
    this.#parameters = parameters;
    this.#sides = [this.#side(central, ROLE.central, peripheral), this.#side(peripheral, ROLE.peripheral, central)];
    this.#interceptor = air.attack?.intercept(central.address, peripheral.address, (toCentral, payload) => {
      const [from, to] = toCentral ? [peripheral, central] : [central, peripheral];
      if (!this.#isOver) this.#hand(from, to, { channel: CHANNEL.att, payload });
    });
  }

  /** Tells both hosts; the peripheral first, so that it knows the link before the central's first packet. */
  begin(): void {
    const [central, peripheral] = this.#sides;
    peripheral.end.emit(connectionComplete(this.handle, peripheral.role, central.end.address, this.#parameters));
    central.end.emit(connectionComplete(this.handle, central.role, peripheral.end.address, this.#parameters));
  }

  isBetween(one: string, other: string): boolean {
    const [central, peripheral] = this.#sides.map(({ end }) => end.address);
    return (central === one && peripheral === other) || (central === other && peripheral === one);
  }

  get ends(): readonly [central: string, peripheral: string] {
    return [this.#sides[0].end.address, this.#sides[1].end.address];
  }

  isCentral(end: LinkEnd): boolean {
    return this.#sides[0].end === end;
  }

  /** What the host of `from` sends. */
  send(from: LinkEnd, piece: AclPacket): void {
    const { assembler, pipe } = this.#sideOf(from);
    const packet = assembler.push(piece);
    // The controller has room again at once for a piece, and for the last one when the other side has the whole.
    if (packet === undefined) this.#tell(from, completedPackets(this.handle, 1));
    else pipe.push(packet);
  }

  /** The host of `by` ends the link. */
  terminate(by: LinkEnd, reason: number): void {
    if (!this.#isHeard) return this.#supervise();
    const peer = this.#peerOf(by);
    this.#end(
      new Map([
        [by, STATUS.endedByLocalHost],
        [peer, reason],
      ] as const),
    );
  }

  /** Nothing is heard of it any more: both ends notice after the supervision timeout. */
  cut(): void {
    this.#isCut = true;
    this.#supervise();
  }

  /** The controller of `end` knows nothing of it any more; the other one notices after the supervision timeout. */
  abandon(end: LinkEnd): void {
    this.#gone.add(end);
    end.release(this);
    this.cut();
    if (this.#gone.size === this.#sides.length) this.#end(new Map());
  }

  /** Who is near, or whose host reads, has changed. */
  lookAgain(): void {
    if (this.#isOver) return;
    if (!this.#isHeard) return this.#supervise();
    this.#stopSupervision?.();
    this.#stopSupervision = undefined;
    for (const { pipe } of this.#sides) pipe.pump();
  }

  /** Both hosts are told the new parameters. */
  update(parameters: ConnectionParameters): void {
    this.#parameters = parameters;
    for (const { end } of this.#sides) this.#tell(end, connectionUpdate(this.handle, parameters));
  }

  /** The central's host has a key, whose `name` the peripheral's host is asked for. */
  encrypt(name: Buffer, key: Buffer): void {
    this.#offeredKey = Buffer.from(key);
    this.#tell(this.#sides[1].end, keyRequest(this.handle, name));
  }

  /** The peripheral's host was asked for a key and has not answered. */
  get awaitsKey(): boolean {
    return this.#offeredKey !== undefined;
  }

  /** The peripheral's host answers; undefined: it has no such key. */
  answerKey(key: Buffer | undefined): void {
    const offered = this.#offeredKey;
    if (offered === undefined) return;
    this.#offeredKey = undefined;
    const [central, peripheral] = this.#sides.map(({ end }) => end) as [LinkEnd, LinkEnd];
    if (key === undefined) {
      this.#tell(central, encryptionChange(this.handle, STATUS.keyMissing));
      return;
    }
    if (!offered.equals(key)) {
      // The first encrypted packet cannot be verified.
      this.#end(
        new Map([
          [central, STATUS.micFailure],
          [peripheral, STATUS.micFailure],
        ] as const),
      );
      return;
    }
    for (const end of [central, peripheral]) this.#tell(end, encryptionChange(this.handle, STATUS.success));
  }

  get #isHeard(): boolean {
    const [central, peripheral] = this.ends;
    return !this.#isCut && this.#air.areNear(central, peripheral);
  }

  #side(end: LinkEnd, role: number, peer: LinkEnd): Side {
    const { clock, faults } = this.#air;
    const pipe = new Pipe({
      clock,
      delayMs: () => faults.delayMs(end.address, peer.address),
      isOpen: () => !this.#isOver && this.#isHeard && peer.isReady,
      deliver: (packet) => this.#carry(end, peer, packet),
    });
    return { end, role, pipe, assembler: new L2capAssembler() };
  }

  #carry(from: LinkEnd, to: LinkEnd, { channel, payload }: L2capPacket): void {
    const { faults } = this.#air;
    const isAtt = channel === CHANNEL.att;
    const sent = isAtt ? faults.alter(payload) : payload;
    const fate = isAtt ? faults.fate(from.address, to.address) : 'pass';
    if (fate === 'cut') return this.cut();
    const packet = { channel, payload: sent };
    const isTaken = isAtt && this.#interceptor?.take(this.isCentral(from), sent);
    if (fate === 'pass' && !isTaken) this.#hand(from, to, packet);
    else if (isAtt) this.#record(from, to, sent);
    this.#tell(from, completedPackets(this.handle, 1));
  }

  #hand(from: LinkEnd, to: LinkEnd, packet: L2capPacket): void {
    if (packet.channel === CHANNEL.att) this.#record(from, to, packet.payload);
    for (const piece of aclPackets(this.handle, packet, to.aclOctets)) this.#tell(to, piece);
  }

  #record(from: LinkEnd, to: LinkEnd, octets: Buffer): void {
    const { recorder, clock } = this.#air;
    recorder.add({ atMs: clock.monotonicMs(), link: this.number, from: from.address, to: to.address, octets });
  }

  #supervise(): void {
    this.#stopSupervision ??= this.#air.clock.after(this.#parameters.timeout * TIMEOUT_UNIT_MS, () =>
      this.#end(new Map(this.#sides.map(({ end }) => [end, STATUS.supervisionTimeout]))),
    );
  }

  #end(reasons: ReadonlyMap<LinkEnd, number>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopSupervision?.();
    this.#interceptor?.close();
    for (const { pipe } of this.#sides) pipe.close();
    for (const [end, reason] of reasons) this.#tell(end, disconnectionComplete(this.handle, reason));
    for (const { end } of this.#sides) end.release(this);
  }

  #tell(end: LinkEnd, packet: Buffer): void {
    if (!this.#gone.has(end)) end.emit(packet);
  }

  #sideOf(end: LinkEnd): Side {
    return this.isCentral(end) ? this.#sides[0] : this.#sides[1];
  }

  #peerOf(end: LinkEnd): LinkEnd {
    return this.isCentral(end) ? this.#sides[1].end : this.#sides[0].end;
  }
}

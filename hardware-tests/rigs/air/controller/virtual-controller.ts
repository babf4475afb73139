import type { Clock } from '@cpns/shared';
import { readAcl } from './acl.js';
import { Advertiser } from './advertiser.js';
import { ADVERTISING, COMMAND, PACKET, STATUS } from './hci.js';
import { commandComplete, commandStatus, connectionFailed } from './hci-events.js';
import type { Link, LinkEnd } from './link.js';
import { addressOctets, addressText, u16 } from './octets.js';
import { Scanner } from './scanner.js';
import { supportedCommands } from './supported-commands.js';

/** The wire to the host. */
export interface HostWire {
  send(packet: Buffer): void;
  /** False: the host does not read what it was sent; {@link VirtualController.hostIsReady} is called when it does again. */
  readonly isReady: boolean;
}

/** What a controller finds around it. */
export interface Room {
  readonly clock: Clock;
  /** One advertising event. */
  advertise(by: VirtualController): void;
  rssi(at: string, from: string): number;
}

export interface ControllerOptions {
  readonly address: string;
  /** Octets of data in one ACL packet, head of L2CAP included. Default: 251, as with data length extension. */
  readonly aclOctets?: number;
  /** ACL packets that it keeps for its host. Default: 8. */
  readonly aclPackets?: number;
  /** Default: 16. */
  readonly mostLinks?: number;
}

/** A connection that the host has asked for and that waits for an advertisement of the peer. */
export interface Initiation {
  readonly peer: string;
  readonly parameters: { readonly interval: number; readonly latency: number; readonly timeout: number };
}

const BLUETOOTH_5_0 = 9;
const UNASSIGNED_MANUFACTURER = 0xffff;
const MOST_ADVERTISING_DATA = 31;
const LE_ENCRYPTION = 0x01;

/** A Bluetooth LE controller without a radio: it speaks HCI to its host and meets the others in an air. */
export class VirtualController implements LinkEnd {
  readonly address: string;
  readonly aclOctets: number;
  readonly advertiser: Advertiser;
  readonly scanner: Scanner;
  readonly #aclPackets: number;
  readonly #mostLinks: number;
  readonly #room: Room;
  readonly #links = new Map<number, Link>();
  readonly #commands: ReadonlyMap<number, readonly [parameterOctets: number, run: (parameters: Buffer, opcode: number) => void]>;
  #host: HostWire | undefined;
  #initiation: Initiation | undefined;

  constructor({ address, aclOctets = 251, aclPackets = 8, mostLinks = 16 }: ControllerOptions, room: Room) {
    this.address = address;
    this.aclOctets = aclOctets;
    this.#aclPackets = aclPackets;
    this.#mostLinks = mostLinks;
    this.#room = room;
    this.advertiser = new Advertiser(room.clock, () => room.advertise(this));
    this.scanner = new Scanner((report) => {
      // Radios do not keep advertisements for a host that is busy.
      if (this.isReady) this.emit(report);
    });
    this.#commands = this.#table();
  }

  get isReady(): boolean {
    return this.#host?.isReady ?? false;
  }

  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  get initiation(): Initiation | undefined {
    return this.#initiation;
  }

  get hasRoom(): boolean {
    return this.#links.size < this.#mostLinks;
  }

  isLinkedWith(address: string): boolean {
    return this.links.some((link) => link.isBetween(this.address, address));
  }

  attach(host: HostWire): void {
    this.#host = host;
  }

  /** As after power was cut: nothing of before is known, and nobody is told. */
  reset(): void {
    this.advertiser.reset();
    this.scanner.reset();
    this.#initiation = undefined;
    for (const link of this.links) link.abandon(this);
  }

  /** The host is gone, and with it what it wanted. */
  detach(): void {
    this.#host = undefined;
    this.reset();
  }

  hostIsReady(): void {
    for (const link of this.links) link.lookAgain();
  }

  emit(event: Buffer): void {
    this.#host?.send(event);
  }

  release(link: Link): void {
    this.#links.delete(link.handle);
  }

  /** A link has begun, of whichever side. */
  join(link: Link): void {
    this.#links.set(link.handle, link);
    if (link.isCentral(this)) this.#initiation = undefined;
    else this.advertiser.stop();
  }

  /** The attempt to connect has come to nothing. */
  failInitiation(status: number): void {
    this.#initiation = undefined;
    this.emit(connectionFailed(status));
  }

  /** A packet of the host, with its type octet. */
  receive(packet: Buffer): void {
    if (packet[0] === PACKET.acl) {
      const piece = readAcl(packet);
      this.#links.get(piece.handle)?.send(this, piece);
    } else if (packet[0] === PACKET.command) this.#obey(packet.readUInt16LE(1), packet.subarray(4));
  }

  #obey(opcode: number, parameters: Buffer): void {
    const [octets, run] = this.#commands.get(opcode) ?? [];
    if (octets === undefined || run === undefined) this.emit(commandStatus(opcode, STATUS.unknownCommand));
    else if (parameters.length < octets) this.#complete(opcode, STATUS.invalidParameters);
    else run(parameters, opcode);
  }

  #complete(opcode: number, status: number, ...results: readonly number[]): void {
    this.emit(commandComplete(opcode, [status, ...results]));
  }

  #table() {
    const done = (_parameters: Buffer, opcode: number) => this.#complete(opcode, STATUS.success);
    const answer =
      (...results: readonly number[]) =>
      (_parameters: Buffer, opcode: number) =>
        this.#complete(opcode, STATUS.success, ...results);
    const { aclOctets } = this;
    const version = [BLUETOOTH_5_0, ...u16(0), BLUETOOTH_5_0, ...u16(UNASSIGNED_MANUFACTURER), ...u16(0)];
    return new Map<number, readonly [number, (parameters: Buffer, opcode: number) => void]>([
      [COMMAND.setEventMask, [8, done]],
      [COMMAND.leSetEventMask, [8, done]],
      [COMMAND.writeLeHostSupport, [2, done]],
      [COMMAND.readLeHostSupport, [0, answer(1, 0)]],
      [COMMAND.readLocalVersion, [0, answer(...version)]],
      [COMMAND.readLocalCommands, [0, answer(...supportedCommands())]],
      [COMMAND.readAddress, [0, answer(...addressOctets(this.address))]],
      [COMMAND.readBufferSize, [0, answer(...u16(aclOctets), 0, ...u16(this.#aclPackets), ...u16(0))]],
      [COMMAND.leReadBufferSize, [0, answer(...u16(aclOctets), this.#aclPackets)]],
      [COMMAND.leReadFeatures, [0, answer(LE_ENCRYPTION, 0, 0, 0, 0, 0, 0, 0)]],
      [COMMAND.reset, [0, (_, opcode) => this.#obeyReset(opcode)]],
      [COMMAND.leSetAdvertisingParameters, [15, (p, opcode) => this.#setAdvertising(p, opcode)]],
      [COMMAND.leSetAdvertisingData, [1, (p, opcode) => this.#setData('data', p, opcode)]],
      [COMMAND.leSetScanResponse, [1, (p, opcode) => this.#setData('scanResponse', p, opcode)]],
      [COMMAND.leEnableAdvertising, [1, (p, opcode) => this.#enableAdvertising(p[0] === 1, opcode)]],
      [COMMAND.leSetScanParameters, [7, (p, opcode) => this.#setScanning(p, opcode)]],
      [COMMAND.leEnableScanning, [2, (p, opcode) => this.#enableScanning(p, opcode)]],
      [COMMAND.leCreateConnection, [25, (p, opcode) => this.#createConnection(p, opcode)]],
      [COMMAND.leCancelConnection, [0, (_, opcode) => this.#cancelConnection(opcode)]],
      [COMMAND.leUpdateConnection, [14, (p, opcode) => this.#updateConnection(p, opcode)]],
      [COMMAND.disconnect, [3, (p, opcode) => this.#disconnect(p, opcode)]],
      [COMMAND.readRssi, [2, (p, opcode) => this.#readRssi(p, opcode)]],
      [COMMAND.leEnableEncryption, [28, (p, opcode) => this.#enableEncryption(p, opcode)]],
      [COMMAND.leReplyKey, [18, (p, opcode) => this.#answerKey(p, p.subarray(2, 18), opcode)]],
      [COMMAND.leRefuseKey, [2, (p, opcode) => this.#answerKey(p, undefined, opcode)]],
    ]);
  }

  #obeyReset(opcode: number): void {
    this.reset();
    this.#complete(opcode, STATUS.success);
  }

  #setAdvertising(parameters: Buffer, opcode: number): void {
    const type = parameters.readUInt8(4);
    if (this.advertiser.isOn) return this.#complete(opcode, STATUS.disallowed);
    // Directed advertising is for peers that are known to each other's controllers.
    const known: readonly number[] = [ADVERTISING.connectable, ADVERTISING.scannable, ADVERTISING.deaf];
    if (!known.includes(type)) return this.#complete(opcode, STATUS.unsupported);
    this.advertiser.type = type;
    this.advertiser.interval = parameters.readUInt16LE(2);
    this.#complete(opcode, STATUS.success);
  }

  #setData(which: 'data' | 'scanResponse', parameters: Buffer, opcode: number): void {
    const length = parameters.readUInt8(0);
    if (length > MOST_ADVERTISING_DATA || length > parameters.length - 1) return this.#complete(opcode, STATUS.invalidParameters);
    this.advertiser[which] = Buffer.from(parameters.subarray(1, 1 + length));
    this.#complete(opcode, STATUS.success);
  }

  #enableAdvertising(isOn: boolean, opcode: number): void {
    if (isOn && !this.hasRoom) return this.#complete(opcode, STATUS.tooManyConnections);
    if (isOn) this.advertiser.start();
    else this.advertiser.stop();
    this.#complete(opcode, STATUS.success);
  }

  #setScanning(parameters: Buffer, opcode: number): void {
    if (this.scanner.isOn) return this.#complete(opcode, STATUS.disallowed);
    this.scanner.isActive = parameters[0] === 1;
    this.#complete(opcode, STATUS.success);
  }

  #enableScanning(parameters: Buffer, opcode: number): void {
    this.scanner.enable(parameters[0] === 1, parameters[1] === 1);
    this.#complete(opcode, STATUS.success);
  }

  #createConnection(parameters: Buffer, opcode: number): void {
    const peer = addressText(parameters.subarray(6, 12));
    const refusal = this.#whyNotInitiate(peer, parameters.readUInt8(4));
    this.emit(commandStatus(opcode, refusal ?? STATUS.success));
    if (refusal !== undefined) return;
    const [interval, latency, timeout] = [parameters.readUInt16LE(15), parameters.readUInt16LE(17), parameters.readUInt16LE(19)];
    this.#initiation = { peer, parameters: { interval, latency, timeout } };
  }

  #whyNotInitiate(peer: string, filterPolicy: number): number | undefined {
    if (this.#initiation !== undefined) return STATUS.disallowed;
    if (filterPolicy !== 0) return STATUS.unsupported;
    if (this.isLinkedWith(peer)) return STATUS.connectionExists;
    return this.hasRoom ? undefined : STATUS.tooManyConnections;
  }

  #cancelConnection(opcode: number): void {
    const isWaiting = this.#initiation !== undefined;
    this.#complete(opcode, isWaiting ? STATUS.success : STATUS.disallowed);
    if (isWaiting) this.failInitiation(STATUS.unknownConnection);
  }

  #updateConnection(parameters: Buffer, opcode: number): void {
    const link = this.#begin(parameters, opcode);
    const [interval, latency, timeout] = [parameters.readUInt16LE(4), parameters.readUInt16LE(6), parameters.readUInt16LE(8)];
    link?.update({ interval, latency, timeout });
  }

  #disconnect(parameters: Buffer, opcode: number): void {
    this.#begin(parameters, opcode)?.terminate(this, parameters.readUInt8(2));
  }

  #readRssi(parameters: Buffer, opcode: number): void {
    const link = this.#links.get(parameters.readUInt16LE(0));
    const handle = parameters.subarray(0, 2);
    if (link === undefined) return this.#complete(opcode, STATUS.unknownConnection, ...handle, 0);
    const peer = link.ends.find((address) => address !== this.address) ?? '';
    this.#complete(opcode, STATUS.success, ...handle, this.#room.rssi(this.address, peer) & 0xff);
  }

  #enableEncryption(parameters: Buffer, opcode: number): void {
    const link = this.#links.get(parameters.readUInt16LE(0));
    if (link !== undefined && !link.isCentral(this)) return this.emit(commandStatus(opcode, STATUS.disallowed));
    this.#begin(parameters, opcode)?.encrypt(parameters.subarray(2, 12), parameters.subarray(12, 28));
  }

  #answerKey(parameters: Buffer, key: Buffer | undefined, opcode: number): void {
    const link = this.#links.get(parameters.readUInt16LE(0));
    const handle = parameters.subarray(0, 2);
    if (link === undefined) return this.#complete(opcode, STATUS.unknownConnection, ...handle);
    if (link.isCentral(this) || !link.awaitsKey) return this.#complete(opcode, STATUS.disallowed, ...handle);
    this.#complete(opcode, STATUS.success, ...handle);
    link.answerKey(key);
  }

  /** The link that a command is about; says whether the command has begun. */
  #begin(parameters: Buffer, opcode: number): Link | undefined {
    const link = this.#links.get(parameters.readUInt16LE(0));
    this.emit(commandStatus(opcode, link === undefined ? STATUS.unknownConnection : STATUS.success));
    return link;
  }
}

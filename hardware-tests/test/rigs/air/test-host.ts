import { COMMAND, EVENT, PACKET } from '../../../rigs/air/controller/hci.js';
import { addressOctets, u16 } from '../../../rigs/air/controller/octets.js';
import type { HostWire, VirtualController } from '../../../rigs/air/controller/virtual-controller.js';
import type { DoorController } from '../../../rigs/air/process/controller-door.js';

type Octets = readonly number[] | Uint8Array;

export interface Parameters {
  readonly interval?: number;
  readonly latency?: number;
  readonly timeout?: number;
}

/** A host that says what a test wants and keeps what its controller answers. */
export class TestHost implements HostWire {
  readonly heard: Buffer[] = [];
  readonly controller: VirtualController;
  readonly #wire: DoorController;
  isReady = true;

  /** `wire`: whoever sits between the two. */
  constructor(controller: VirtualController, wire: DoorController = controller) {
    this.controller = controller;
    this.#wire = wire;
    wire.attach(this);
  }

  send(packet: Buffer): void {
    this.heard.push(packet);
  }

  command(opcode: number, parameters: Octets = []): void {
    this.#wire.receive(Buffer.from([PACKET.command, ...u16(opcode), parameters.length, ...parameters]));
  }

  /** The parameters with which the controller completed the command; the first is the status. */
  ask(opcode: number, parameters: Octets = []): number[] {
    this.heard.length = 0;
    this.command(opcode, parameters);
    const [answer] = this.events(EVENT.commandComplete);
    if (answer === undefined) throw new Error(`Command ${opcode.toString(16)} was not completed.`);
    return answer.slice(3);
  }

  /** The status with which the controller began the command, or refused it. */
  begin(opcode: number, parameters: Octets = []): number | undefined {
    this.heard.length = 0;
    this.command(opcode, parameters);
    return this.events(EVENT.commandStatus)[0]?.[0];
  }

  /** Parameters of all events with that code. */
  events(code: number): number[][] {
    return this.heard.filter((packet) => packet[0] === PACKET.event && packet[1] === code).map((packet) => [...packet.subarray(3)]);
  }

  leEvents(code: number): number[][] {
    return this.events(EVENT.le)
      .filter(([subevent]) => subevent === code)
      .map((parameters) => parameters.slice(1));
  }

  /** Data of all ACL packets. */
  acl(): Buffer[] {
    return this.heard.filter((packet) => packet[0] === PACKET.acl);
  }

  advertise(data: Octets = [], type = 0): void {
    this.command(COMMAND.leEnableAdvertising, [0]);
    this.command(COMMAND.leSetAdvertisingParameters, [...u16(160), ...u16(160), type, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
    this.command(COMMAND.leSetAdvertisingData, [data.length, ...data]);
    this.command(COMMAND.leEnableAdvertising, [1]);
  }

  scan({ active = true, filter = false } = {}): void {
    this.command(COMMAND.leEnableScanning, [0, 0]);
    this.command(COMMAND.leSetScanParameters, [active ? 1 : 0, ...u16(18), ...u16(18), 0, 0]);
    this.command(COMMAND.leEnableScanning, [1, filter ? 1 : 0]);
  }

  connect(peer: string, { interval = 18, latency = 0, timeout = 42 }: Parameters = {}): number | undefined {
    const [address, times] = [addressOctets(peer), [interval, interval, latency, timeout, 0, 0].flatMap(u16)];
    return this.begin(COMMAND.leCreateConnection, [...u16(96), ...u16(48), 0, 0, ...address, 0, ...times]);
  }

  /** Sends an L2CAP packet in ACL packets of at most `most` octets. */
  write(handle: number, channel: number, payload: Octets, most = 251): void {
    const whole = [...u16(payload.length), ...u16(channel), ...payload];
    for (let at = 0; at < whole.length; at += most) {
      const data = whole.slice(at, at + most);
      const flags = at === 0 ? 0 : 0x1000;
      this.#wire.receive(Buffer.from([PACKET.acl, ...u16(handle | flags), ...u16(data.length), ...data]));
    }
  }
}

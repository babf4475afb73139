import { PACKET } from './hci.js';

/** Octets of the head of a packet, its type with it, and how long that head says the rest is. */
const HEADS: Readonly<Record<number, { readonly octets: number; readonly rest: (head: Buffer) => number }>> = {
  [PACKET.command]: { octets: 4, rest: (head) => head.readUInt8(3) },
  [PACKET.acl]: { octets: 5, rest: (head) => head.readUInt16LE(3) },
  [PACKET.event]: { octets: 3, rest: (head) => head.readUInt8(2) },
};

/** Cuts a stream of octets into whole HCI packets (Bluetooth Core Vol 4 Part A). */
export class H4Reader {
  readonly #packet: (packet: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(packet: (packet: Buffer) => void) {
    this.#packet = packet;
  }

  /** @throws Error when the stream holds something else than packets */
  push(octets: Buffer): void {
    this.#rest = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    for (;;) {
      const [type] = this.#rest;
      if (type === undefined) return;
      const head = HEADS[type];
      if (head === undefined) throw new Error(`No HCI packet begins with octet ${type}.`);
      if (this.#rest.length < head.octets) return;
      const length = head.octets + head.rest(this.#rest);
      if (this.#rest.length < length) return;
      const packet = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      this.#packet(packet);
    }
  }
}

import { PACKET } from './hci.js';
import { u16 } from './octets.js';

/** Packet boundary flags (Bluetooth Core Vol 4 Part E, 5.4.2). */
const BOUNDARY = { startFromHost: 0, continues: 1, startFromController: 2 } as const;

/** A packet of L2CAP, the unit of which ATT, SMP and signalling are made. */
export interface L2capPacket {
  readonly channel: number;
  readonly payload: Buffer;
}

/** One ACL packet: a piece of an L2CAP packet. */
export interface AclPacket {
  readonly handle: number;
  readonly isStart: boolean;
  readonly data: Buffer;
}

/** `packet` with its type octet. */
export function readAcl(packet: Buffer): AclPacket {
  const head = packet.readUInt16LE(1);
  return { handle: head & 0x0fff, isStart: ((head >> 12) & 3) !== BOUNDARY.continues, data: packet.subarray(5) };
}

/** The ACL packets, of at most `most` octets of data, in which the controller hands `packet` to its host, or the host to its controller. */
export function aclPackets(
  handle: number,
  { channel, payload }: L2capPacket,
  most: number,
  from: 'controller' | 'host' = 'controller',
): Buffer[] {
  const start = from === 'controller' ? BOUNDARY.startFromController : BOUNDARY.startFromHost;
  const whole = Buffer.concat([Buffer.from([...u16(payload.length), ...u16(channel)]), payload]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; at += most) {
    const data = whole.subarray(at, at + most);
    const boundary = at === 0 ? start : BOUNDARY.continues;
    pieces.push(Buffer.concat([Buffer.from([PACKET.acl, ...u16(handle | (boundary << 12)), ...u16(data.length)]), data]));
  }
  return pieces;
}

const HEAD_OCTETS = 4;

/** Puts L2CAP packets together of what one host sends in pieces. */
export class L2capAssembler {
  #begun: Buffer | undefined;

  /** The packet that this piece completes. A piece that continues nothing, or says too much, is left out. */
  push({ isStart, data }: AclPacket): L2capPacket | undefined {
    if (!isStart && this.#begun === undefined) return undefined;
    const octets = isStart || this.#begun === undefined ? data : Buffer.concat([this.#begun, data]);
    this.#begun = octets;
    if (octets.length < HEAD_OCTETS) return undefined;
    const length = octets.readUInt16LE(0);
    if (octets.length < HEAD_OCTETS + length) return undefined;
    this.#begun = undefined;
    if (octets.length > HEAD_OCTETS + length) return undefined;
    return { channel: octets.readUInt16LE(2), payload: octets.subarray(HEAD_OCTETS) };
  }
}

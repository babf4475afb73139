import { EVENT, LE_EVENT, PACKET, STATUS } from './hci.js';
import { addressOctets, u16 } from './octets.js';

/** Parameters of a connection in the units of HCI: 1.25 ms, events, 10 ms. */
export interface ConnectionParameters {
  readonly interval: number;
  readonly latency: number;
  readonly timeout: number;
}

type Part = readonly number[] | Uint8Array;

function event(code: number, ...parts: readonly Part[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  return Buffer.concat([Buffer.from([PACKET.event, code, body.length]), body]);
}

/** Every answer allows the host one more command. */
const COMMANDS_ALLOWED = 1;

/** The result of a command that is over; `results` begins with its status. */
export function commandComplete(opcode: number, results: Part): Buffer {
  return event(EVENT.commandComplete, [COMMANDS_ALLOWED, ...u16(opcode)], results);
}

/** A command has begun, or was refused; its result is an event of its own. */
export function commandStatus(opcode: number, status: number): Buffer {
  return event(EVENT.commandStatus, [status, COMMANDS_ALLOWED, ...u16(opcode)]);
}

export function disconnectionComplete(handle: number, reason: number): Buffer {
  return event(EVENT.disconnectionComplete, [STATUS.success, ...u16(handle), reason]);
}

export function encryptionChange(handle: number, status: number): Buffer {
  return event(EVENT.encryptionChange, [status, ...u16(handle), status === STATUS.success ? 1 : 0]);
}

/** The host may send so many more ACL packets. */
export function completedPackets(handle: number, count: number): Buffer {
  return event(EVENT.completedPackets, [1, ...u16(handle), ...u16(count)]);
}

const PUBLIC_ADDRESS = 0;
const CLOCK_ACCURACY = 0;

export function connectionComplete(
  handle: number,
  role: number,
  peer: string,
  { interval, latency, timeout }: ConnectionParameters,
): Buffer {
  return event(EVENT.le, [LE_EVENT.connectionComplete, STATUS.success, ...u16(handle), role, PUBLIC_ADDRESS], addressOctets(peer), [
    ...u16(interval),
    ...u16(latency),
    ...u16(timeout),
    CLOCK_ACCURACY,
  ]);
}

const EMPTY_CONNECTION = new Uint8Array(17);

/** The attempt to connect failed or was given up. */
export function connectionFailed(status: number): Buffer {
  return event(EVENT.le, [LE_EVENT.connectionComplete, status], EMPTY_CONNECTION);
}

export function advertisingReport(type: number, from: string, data: Uint8Array, rssi: number): Buffer {
  return event(EVENT.le, [LE_EVENT.advertisingReport, 1, type, PUBLIC_ADDRESS], addressOctets(from), [data.length], data, [rssi & 0xff]);
}

export function connectionUpdate(handle: number, { interval, latency, timeout }: ConnectionParameters): Buffer {
  return event(EVENT.le, [LE_EVENT.connectionUpdate, STATUS.success, ...u16(handle), ...u16(interval), ...u16(latency), ...u16(timeout)]);
}

/** Asks the peripheral's host for the long term key that `name` (random number and diversifier, 10 octets) stands for. */
export function keyRequest(handle: number, name: Uint8Array): Buffer {
  return event(EVENT.le, [LE_EVENT.keyRequest, ...u16(handle)], name);
}

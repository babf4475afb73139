/** One resource record with its data in wire form. */
export interface WireRecord {
  readonly name: string;
  readonly type: number;
  /** Seconds. */
  readonly ttl?: number;
  readonly data: Uint8Array;
}

export const DNS_TYPE = { a: 1, ptr: 12, txt: 16, aaaa: 28, srv: 33, any: 255 } as const;
const CLASS_IN = 1;
const RESPONSE = 0x8400;

/** A name as labels, without compression (RFC 1035 section 3.1). */
export function dnsName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function u16(...numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
}

export function srvData(port: number, target: string): Buffer {
  return Buffer.concat([u16(0, 0, port), dnsName(target)]);
}

export function txtData(items: readonly string[]): Buffer {
  return Buffer.concat(items.map((item) => Buffer.concat([Buffer.from([item.length]), Buffer.from(item)])));
}

/** A response of these records (RFC 1035 section 4.1). */
export function dnsResponse(records: readonly WireRecord[]): Buffer {
  const written = records.map(({ name, type, ttl = 120, data }) =>
    Buffer.concat([dnsName(name), u16(type, CLASS_IN, ttl >> 16, ttl & 0xffff, data.length), data]),
  );
  return Buffer.concat([u16(0, RESPONSE, 0, records.length, 0, 0), ...written]);
}

export function dnsQuery(name: string, type: number): Buffer {
  return Buffer.concat([u16(0, 0, 1, 0, 0, 0), dnsName(name), u16(type, CLASS_IN)]);
}

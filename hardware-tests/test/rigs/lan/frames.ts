/** A WebSocket frame as RFC 6455 section 5.2 has it. */
export function frame(payload: Uint8Array, { mask, opcode = 2 }: { mask?: Uint8Array; opcode?: number } = {}): Buffer {
  const length = payload.length;
  const head = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, 0, 0, 0, 0, ...u32(length)];
  head[0] = (head[0] as number) | (mask === undefined ? 0 : 0x80);
  const body = mask === undefined ? payload : payload.map((octet, i) => octet ^ (mask[i % 4] as number));
  return Buffer.concat([Buffer.from([0x80 | opcode, ...head]), mask ?? Buffer.alloc(0), body]);
}

function u32(value: number): number[] {
  return [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export const REQUEST = Buffer.from('GET /cpns/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
export const RESPONSE = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');

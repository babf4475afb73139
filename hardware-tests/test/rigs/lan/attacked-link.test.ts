import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AttackedLink } from '../../../rigs/lan/attacked-link.js';
import type { Tampering } from '../../../rigs/tampering.js';
import { frame, REQUEST, RESPONSE } from './frames.js';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listening(handler: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    open.push({ close: () => socket.destroy() });
    handler(socket);
  });
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Somebody who dials, the attacker, and somebody who answers; what arrives at either end is collected. */
async function path() {
  const tampering: Tampering = { alter: { out: 0, in: 0 }, bit: 0 };
  const at = { near: Buffer.alloc(0), far: Buffer.alloc(0) };
  let far: Socket | undefined;
  let link: AttackedLink | undefined;
  const target = await listening((socket) => {
    far = socket;
    socket.on('data', (octets) => {
      at.far = Buffer.concat([at.far, octets]);
    });
  });
  const port = await listening((socket) => {
    link = new AttackedLink(socket, { host: '127.0.0.1', port: target }, tampering);
  });
  const near = connect({ host: '127.0.0.1', port });
  open.push({ close: () => near.destroy() });
  near.on('data', (octets) => {
    at.near = Buffer.concat([at.near, octets]);
  });
  near.on('error', () => {});
  near.write(REQUEST);
  await expect.poll(() => at.far.equals(REQUEST)).toBe(true);
  far?.write(RESPONSE);
  await expect.poll(() => at.near.equals(RESPONSE)).toBe(true);
  return { near, far: far as unknown as Socket, link: link as unknown as AttackedLink, tampering, at };
}

const bits = (a: Buffer, b: Buffer) =>
  a.reduce((sum, octet, i) => sum + (octet ^ (b[i] as number)).toString(2).replaceAll('0', '').length, 0);

describe('a link with somebody on it', () => {
  it('carries frames as they are, both ways, and they are recorded', async () => {
    const { near, far, link, at } = await path();
    const [out, back] = [frame(Buffer.from('out'), { mask: Buffer.from([1, 2, 3, 4]) }), frame(Buffer.from('back'))];
    near.write(out);
    far.write(back);
    await expect.poll(() => [at.far.subarray(REQUEST.length), at.near.subarray(RESPONSE.length)]).toEqual([out, back]);
    expect(link.recording).toEqual({ out: [out], in: [back] });
    expect(link.isWebSocket).toBe(true);
  });

  it('has one bit of the payload flipped, in as many frames as was said', async () => {
    const { near, at, tampering } = await path();
    tampering.alter.out = 1;
    const one = frame(Buffer.alloc(40, 7), { mask: Buffer.from([9, 9, 9, 9]) });
    near.write(Buffer.concat([one, one]));
    await expect.poll(() => at.far.length).toBe(REQUEST.length + 2 * one.length);
    const [first, second] = [at.far.subarray(REQUEST.length, REQUEST.length + one.length), at.far.subarray(REQUEST.length + one.length)];
    expect(first.subarray(0, 6)).toEqual(one.subarray(0, 6));
    expect(bits(first, one)).toBe(1);
    expect(second).toEqual(one);
  });

  it('hears frames again', async () => {
    const { near, link, at } = await path();
    const one = frame(Buffer.from('once'));
    near.write(one);
    await expect.poll(() => link.recording.out.length).toBe(1);
    link.replay('out', link.recording.out);
    await expect.poll(() => at.far.length).toBe(REQUEST.length + 2 * one.length);
  });

  it('is cut at both ends', async () => {
    const { near, far, link } = await path();
    const ends = Promise.all([once(near, 'close'), once(far, 'close')]);
    link.cut();
    await ends;
    expect(link.isOpen).toBe(false);
  });
});

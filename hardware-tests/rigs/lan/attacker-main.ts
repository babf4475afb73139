/** The attacker's own process; see attacker.ts. Arguments: address and port to listen on. It has no keys, only octets. */
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { type HostPort, parseHostPort, sleep } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import type { Tampering } from '../tampering.js';
import { AttackedLink } from './attacked-link.js';
import type { AttackerAnswer, AttackerOrder } from './attacker.js';
import { WebSocketSplitter } from './websocket-splitter.js';

/** So long the attacker waits for an answer to what it made up. */
const LISTEN_MS = 3_000;

const clock = new SystemClock();
const [host = '', port = ''] = process.argv.slice(2);
const tampering: Tampering = { alter: { out: 0, in: 0 }, bit: 0 };
const links: AttackedLink[] = [];
let target: HostPort | undefined;
/** The request with which the device asked for a WebSocket, to be used again. */
let request: Buffer | undefined;

const server = createServer((near) => {
  if (target === undefined) return near.destroy();
  const splitter = new WebSocketSplitter();
  near.once('data', (octets: Buffer) => {
    for (const piece of splitter.push(octets)) if (piece.kind === 'head' && piece.upgrades) request = Buffer.from(piece.octets);
  });
  return links.push(new AttackedLink(near, target, tampering));
});
server.listen(Number(port), host, () => process.stdout.write(`${JSON.stringify({ id: 0, result: 'listening' })}\n`));

const present = () => links.findLast((link) => link.isWebSocket && link.isOpen);

async function follow(order: AttackerOrder): Promise<unknown> {
  switch (order.do) {
    case 'aim':
      target = parseHostPort(order.target);
      return null;
    case 'seen': {
      const count = (direction: 'out' | 'in') => links.reduce((sum, link) => sum + link.recording[direction].length, 0);
      return { out: count('out'), in: count('in'), links: links.filter((link) => link.isWebSocket).length };
    }
    case 'alter':
      tampering.alter[order.direction] = order.count;
      return null;
    case 'replay': {
      const link = present();
      const frames = [...(link?.recording[order.direction] ?? [])];
      link?.replay(order.direction, frames);
      return frames.length;
    }
    case 'impersonate':
      return impersonate();
    case 'cut':
      present()?.cut();
      return null;
  }
}

/** Says again what the device has said on its links before, on a link of the attacker's own. */
async function impersonate(): Promise<{ sent: number; answers: number }> {
  if (target === undefined || request === undefined) throw new Error('nothing was recorded yet');
  const frames = links.flatMap((link) => link.recording.out);
  const socket = connect(target);
  const splitter = new WebSocketSplitter();
  let answers = 0;
  socket.on('error', () => {});
  socket.on('data', (octets: Buffer) => {
    for (const piece of splitter.push(octets)) {
      if (piece.kind === 'head') for (const frame of frames) socket.write(frame);
      else if (piece.kind === 'frame' && piece.binary) answers++;
    }
  });
  socket.write(request);
  await sleep(clock, LISTEN_MS);
  socket.destroy();
  return { sent: frames.length, answers };
}

const answer = (value: AttackerAnswer) => process.stdout.write(`${JSON.stringify(value)}\n`);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line) as AttackerOrder;
  follow(order).then(
    (result) => answer({ id: order.id, result: result ?? null }),
    (error: unknown) => answer({ id: order.id, failed: String(error) }),
  );
});
lines.on('close', () => process.exit(0));

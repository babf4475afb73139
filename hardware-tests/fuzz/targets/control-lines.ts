import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { ControlConnection, parseAgentFrame } from '@cpns/agent';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { must } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

type Connection = ConstructorParameters<typeof ControlConnection>;

const REQUESTS = {
  status: { id: 1, method: 'status' },
  peers: { id: 1, method: 'peers', params: {} },
  pair: { id: 7, method: 'pair.open', params: { durationMs: 120_000 } },
  'pair-link': { id: 2, method: 'pair.link.take', params: { link: 'http://192.0.2.7:7474/p#abc' } },
  send: { id: 3, method: 'send', params: { to: 'server', channel: 'default', contentType: 'text/plain', payload: 'aGVsbG8=' } },
  create: { id: 4, method: 'pn.create', params: { type: 'all' } },
  unpair: { id: 5, method: 'unpair', params: { peer: 'board' } },
  logs: { id: 6, method: 'logs', params: { follow: true } },
  cancel: { cancel: 6 },
};
const LAST = { id: Number.MAX_SAFE_INTEGER, method: 'status' };

/** An agent that does whatever it is asked. */
const AGENT = new Proxy({}, { get: () => async () => ({}) }) as Connection[1]['agent'];

/** One client's connection without a socket, and what the agent wrote on it. */
class Client {
  readonly logger = new MemoryLogger();
  readonly #written: Buffer[] = [];
  readonly #stream = new Duplex({
    allowHalfOpen: true,
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      this.#written.push(chunk);
      done();
    },
  });

  constructor() {
    const context = { agent: AGENT, clock: new VirtualClock(), logger: this.logger };
    new ControlConnection(this.#stream as unknown as Connection[0], context);
  }

  get ended(): boolean {
    return this.#stream.writableEnded || this.#stream.destroyed;
  }

  async say(octets: Uint8Array): Promise<void> {
    // An empty portion would be taken for the end.
    if (octets.length > 0) this.#stream.push(Buffer.from(octets));
    await turn();
  }

  frames() {
    return Buffer.concat(this.#written)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map(parseAgentFrame);
  }

  close(): void {
    this.#stream.destroy();
  }
}

export const controlLines: FuzzTarget = {
  name: 'control-lines',
  title: 'lines on the control socket of the agent',
  tokens: [
    '\n',
    '{',
    '}',
    '"',
    ':',
    ',',
    '[',
    ']',
    '"id":',
    '"__proto__":',
    '"params":',
    'null',
    '1e308',
    '-1',
    '\\ud800',
    '{"a":'.repeat(500),
  ],
  seeds: () => {
    const lines = Object.entries(REQUESTS).map(([name, request]) => [name, octetsOf(`${JSON.stringify(request)}\n`)] as const);
    return new Map([...lines, ['all', Buffer.concat(lines.map(([, line]) => line))]]);
  },
  open: () => ({
    async fuzz(data) {
      const client = new Client();
      try {
        await client.say(data.subarray(0, data.length >> 1));
        await client.say(data.subarray(data.length >> 1));
        const alive = !client.ended && (data.length === 0 || data.at(-1) === 0x0a) && !textOf(data).includes(String(LAST.id));
        if (alive) await client.say(octetsOf(`${JSON.stringify(LAST)}\n`));
        await turn();
        const frames = client.frames();
        for (const frame of frames)
          must(!('error' in frame) || frame.error.family !== 'Internal', `a request fails inside: ${JSON.stringify(frame)}`);
        must(!alive || frames.some((frame) => frame.id === LAST.id), 'a connection that is open does not answer');
        must(!client.ended || frames.some((frame) => frame.id === null), 'a client is sent away without a word');
      } finally {
        client.close();
      }
    },
  }),
};

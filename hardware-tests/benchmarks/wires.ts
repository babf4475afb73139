import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { LanTechnology, type PanEvents } from '@cpns/agent';
import { type Clock, CpnsError, formatHostPort, type Link, withDeadline } from '@cpns/shared';
import { createLogger, systemEntropy } from '@cpns/shared/node';
import { INNER_TYPE } from '@cpns/shared/security';
import { WebSocket, WebSocketServer } from 'ws';
import { LOOPBACK } from './household.js';
import { channelEnds } from './record-pair.js';
import { freshId } from './steps.js';
import { Windows } from './windows.js';

const LOOPBACK_ADDRESS = '127.0.0.1';
const ACCEPT_LIMIT_MS = 5_000;

/** A connection whose two ends are both in this process. */
export interface Wire {
  /** Carries `count` messages of the same content from one end to the other. */
  carry(count: number): Promise<void>;
  close(): Promise<void>;
}

/** The product's LAN link with a PAN session on it: every content is sealed, sent, received and opened. @throws CpnsError */
export async function openLanWire(clock: Clock, content: Uint8Array, signal: AbortSignal): Promise<Wire> {
  const [dialling, listening] = [lan(clock), lan(clock)];
  const close = async () => void (await Promise.all([dialling.stop(), listening.stop()]));
  try {
    let accept = (_link: Link) => {};
    const accepted = new Promise<Link>((resolve) => {
      accept = resolve;
    });
    await Promise.all([dialling.start(events(() => {})), listening.start(events((link) => accept(link)))]);
    const near = await dialling.dial(listening.addresses(), signal);
    const far = await withDeadline(clock, ACCEPT_LIMIT_MS, signal, () => accepted, 'No link was accepted on the loopback interface.');
    const { from, to } = channelEnds(clock);
    const windows = new Windows(() => near.send(from.seal(INNER_TYPE.envelope, content, { pad: false })));
    const closed = (reason: string) => windows.fail(new CpnsError('Transport', 'LinkLost', `The link is gone: ${reason}.`));
    near.open({ frame: () => {}, closed });
    far.open({ frame: (record) => to.open(record).content.length === content.length && windows.arrive(), closed });
    return { carry: (count) => windows.send(count), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Two sockets of the `ws` library with nothing on top: the same octets are sent and received. @throws CpnsError */
export async function openBareWire(octets: Uint8Array): Promise<Wire> {
  const server = new WebSocketServer({ host: LOOPBACK_ADDRESS, port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const near = new WebSocket(`ws://${formatHostPort(LOOPBACK_ADDRESS, (server.address() as AddressInfo).port)}`, {
    perMessageDeflate: false,
  });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'open')])) as [[WebSocket], unknown[]];
  const windows = new Windows(() => near.send(octets, { binary: true }));
  far.on('message', (data: Buffer) => data.length === octets.length && windows.arrive());
  near.on('close', () => windows.fail(new CpnsError('Transport', 'LinkLost', 'The WebSocket is gone.')));
  const close = async () => {
    near.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  return { carry: (count) => windows.send(count), close };
}

function lan(clock: Clock): LanTechnology {
  const logger = createLogger({ level: 'error', format: 'text' });
  return new LanTechnology({ id: freshId('lan'), clock, entropy: systemEntropy, logger, interfaces: [LOOPBACK] });
}

function events(accepted: (link: Link) => void): PanEvents {
  return { accepted, sighted: () => {}, lost: () => {}, problem: () => {} };
}

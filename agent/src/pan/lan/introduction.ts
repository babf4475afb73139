import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { type Clock, CpnsError, type EntityId, formatHostPort, withDeadline } from '@cpns/shared';
import type { Announcement } from '../../entity/pan-technology.js';
import { readIntroduction } from './announcement.js';
import { parsePeerAddress } from './peer-address.js';
import { LINK_PATH } from './websocket-link.js';

const ANSWER_LIMIT_MS = 4_000;
const LONGEST_ANSWER = 1_024;

/** What a device says of itself to whoever asks by address, unproven like an announcement. */
export type Introduction = Announcement & { readonly id: EntityId };

/**
 * Asks the device at `address` who it is.
 * @throws CpnsError Config/BadAddress, Transport/PeerUnreachable, Transport/NotCpns, Timeout/DeadlinePassed, or the reason of `signal`
 */
export async function askIntroduction(address: string, clock: Clock, signal?: AbortSignal): Promise<Introduction> {
  const { host, port } = parsePeerAddress(address);
  const text = formatHostPort(host, port);
  const answer = await withDeadline(
    clock,
    ANSWER_LIMIT_MS,
    signal,
    (limit) => ask(host, port, limit),
    `The device at ${text} does not answer: check the address, and that the device is on.`,
  );
  const introduction = answer === undefined ? undefined : readIntroduction(answer);
  if (introduction !== undefined) return introduction;
  throw new CpnsError('Transport', 'NotCpns', `What answers at ${text} is no CPNS agent: check address and port.`);
}

/** The body of the answer; undefined when it is none of ours. */
function ask(host: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    // The zone of a link-local address means nothing to the other side.
    const authority = formatHostPort(host.replace(/%.*$/, ''), port);
    const call = request({
      path: LINK_PATH,
      headers: { Host: authority, Connection: 'close' },
      createConnection: () => connect({ host, port }),
    });
    const done = (body: string | undefined) => {
      signal.removeEventListener('abort', stop);
      call.destroy();
      resolve(body);
    };
    const stop = () => done(undefined);
    signal.addEventListener('abort', stop, { once: true });
    call.on('error', (cause) => {
      const sentence = `The device at ${formatHostPort(host, port)} cannot be reached: check the address, and that the device is on.`;
      reject(new CpnsError('Transport', 'PeerUnreachable', sentence, { cause }));
      done(undefined);
    });
    call.on('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        body += part;
        if (body.length > LONGEST_ANSWER) done(undefined);
      });
      response.on('error', () => done(undefined));
      response.on('end', () => done(response.statusCode === 200 ? body : undefined));
    });
    call.end();
  });
}

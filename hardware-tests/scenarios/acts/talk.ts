import type { ControlResult } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import type { DeviceHandle, ServerHandle } from '../../rigs/rig.js';
import type { Telling } from '../scenario.js';

const WAIT_MS = 45_000;
const CHANNEL = 'chat';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** How often `device` was shown this text. */
export function timesShown(device: DeviceHandle, text: string): number {
  return device.heard.filter((event) => event.type === 'message' && event.payload === base64(text)).length;
}

/** How often the server was given this text. */
export function timesAtServer(server: ServerHandle, text: string): number {
  return server.heard.filter((item) => item.kind === 'data' && item.payload === base64(text)).length;
}

export interface Words {
  readonly from: DeviceHandle;
  readonly to: DeviceHandle | ServerHandle;
  readonly text: string;
  readonly pnId?: PnId;
  readonly waitMs?: number;
}

/** Sends and waits for the addressee's answer. @throws CpnsError Timeout/NotDelivered and as `send` */
export function send({ from, to, text, pnId, waitMs = WAIT_MS }: Words): Promise<ControlResult<'send'>> {
  const params = {
    to: isDevice(to) ? { kind: 'entity' as const, id: to.id } : { kind: 'server' as const },
    channel: CHANNEL,
    payload: base64(text),
    waitMs,
    ...(pnId !== undefined && { pnId }),
  };
  return from.request('send', params, { timeoutMs: waitMs + 10_000 });
}

/** Sends without waiting: the message is durable at the sender. */
export async function post({ from, to, text, pnId }: Words): Promise<string> {
  const target = isDevice(to) ? { kind: 'entity' as const, id: to.id } : { kind: 'server' as const };
  const { messageId } = await from.request('send', {
    to: target,
    channel: CHANNEL,
    payload: base64(text),
    ...(pnId !== undefined && { pnId }),
  });
  return messageId;
}

/** A message is delivered and shown to its addressee, once. */
export async function says(t: Telling, words: Words): Promise<void> {
  const { from, to, text } = words;
  const result = await send(words);
  t.same(`"${text}" of ${from.id} is delivered to ${to.id}`, result.state, 'delivered');
  await arrives(t, to, text);
}

/** A message that was sent before is shown to its addressee, and only once. */
export async function arrives(t: Telling, to: DeviceHandle | ServerHandle, text: string, withinMs?: number): Promise<void> {
  const times = () => (isDevice(to) ? timesShown(to, text) : timesAtServer(to, text));
  await t.eventually(`"${text}" is shown at ${to.id}`, async () => times() > 0, withinMs);
  t.same(`"${text}" is shown at ${to.id} once`, times(), 1);
}

/** The server's operator sends to a device, which stores and shows it, once. */
export async function serverSays(t: Telling, server: ServerHandle, to: DeviceHandle, text: string): Promise<void> {
  const message = { to: to.id, channel: CHANNEL, contentType: 'text/plain', payload: base64(text), waitMs: WAIT_MS };
  const { state } = await server.admin.send(message);
  t.same(`"${text}" of the server is delivered to ${to.id}`, state, 'delivered');
  await arrives(t, to, text);
}

/** Everybody reaches everybody: the server both ways, and the PNEs one another through the gateway. `pnId`: where they are in several. */
export async function everybodyTalks(
  t: Telling,
  server: ServerHandle,
  pnes: readonly DeviceHandle[],
  when: string,
  pnId?: PnId,
): Promise<void> {
  const within = pnId === undefined ? {} : { pnId };
  for (const pne of pnes) {
    await says(t, { from: pne, to: server, text: `${pne.id} to server, ${when}`, ...within });
    await serverSays(t, server, pne, `server to ${pne.id}, ${when}`);
    for (const other of pnes) {
      if (other !== pne) await says(t, { from: pne, to: other, text: `${pne.id} to ${other.id}, ${when}`, ...within });
    }
  }
}

function isDevice(one: DeviceHandle | ServerHandle): one is DeviceHandle {
  return !('admin' in one);
}

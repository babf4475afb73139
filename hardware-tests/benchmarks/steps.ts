import { randomBytes } from 'node:crypto';
import { type ControlEvent, readPairingLink, writePairingLink } from '@cpns/agent';
import { type Clock, CpnsError, deadline, type EntityId, entityId, sleep } from '@cpns/shared';
import type { AgentProcess } from '../processes/agent-process.js';

const STEP_LIMIT_MS = 30_000;
/** What has just started is left alone for so long before it is measured. */
export const SETTLE_MS = 500;
const LOOK_EVERY_MS = 50;

/** An id that no other run on this machine uses. */
export function freshId(role: string): EntityId {
  return entityId(`bench-${role}-${randomBytes(4).toString('hex')}`);
}

/** Waits until a fresh agent knows that it reaches the server. @throws CpnsError Timeout */
export async function probed(agent: AgentProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  const limit = deadline(clock, STEP_LIMIT_MS, signal, `${agent.id} did not reach the server.`);
  try {
    while ((await agent.request('status', {})).server.probe?.reachable !== true) await sleep(clock, LOOK_EVERY_MS, limit.signal);
  } finally {
    limit.done();
  }
}

/** Pairs two agents by code, both persons saying yes the moment they see it. @throws CpnsError */
export async function pairAtOnce(a: AgentProcess, b: AgentProcess): Promise<void> {
  const open = (agent: AgentProcess, peer: AgentProcess) => {
    const onEvent = (event: ControlEvent<'pair.peer'>) => {
      if (event.type === 'code') void agent.request('pair.answer', { attempt: event.attempt, answer: { type: 'yes' } }).catch(() => {});
    };
    return agent.request('pair.peer', { peer: peer.id }, { onEvent, timeoutMs: STEP_LIMIT_MS });
  };
  await Promise.all([open(b, a), open(a, b)]);
}

/** Pairs two agents by link; `taking` calls `showing` at `address` and nowhere else. @throws CpnsError */
export async function pairThrough(address: string, taking: AgentProcess, showing: AgentProcess): Promise<void> {
  let take = (_link: string) => {};
  const shown = new Promise<string>((resolve) => {
    take = resolve;
  });
  const onEvent = (event: ControlEvent<'pair.link.show'>) => {
    if (event.type === 'link') take(writePairingLink({ ...readPairingLink(event.link), addresses: [address] }));
  };
  const showed = showing.request('pair.link.show', {}, { onEvent, timeoutMs: STEP_LIMIT_MS });
  const took = shown.then((link) => taking.request('pair.link.take', { link }, { timeoutMs: STEP_LIMIT_MS }));
  await Promise.all([showed, took]);
}

/** Waits until `pne` has elected `gateway` and that is connected to the server. @throws CpnsError Timeout */
export async function readyToEstablish(pne: AgentProcess, gateway: AgentProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  const limit = deadline(clock, STEP_LIMIT_MS, signal, `${gateway.id} did not become the PN GW of ${pne.id}.`);
  try {
    await Promise.all([
      until(
        pne,
        limit.signal,
        (event) => event.type === 'mode' && event.gateway === gateway.id,
        async () => {
          return (await pne.request('status', {})).gateway === gateway.id;
        },
      ),
      until(
        gateway,
        limit.signal,
        (event) => event.type === 'server' && event.connected,
        async () => {
          return (await gateway.request('status', {})).server.uplink === 'connected';
        },
      ),
    ]);
  } finally {
    limit.done();
  }
}

/** Resolves when an event fits, or when it `is` so already once nothing is missed any more. @throws the reason of `signal` */
async function until(
  agent: AgentProcess,
  signal: AbortSignal,
  fits: (event: ControlEvent<'watch'>) => boolean,
  is: () => Promise<boolean>,
): Promise<void> {
  const found = new AbortController();
  const end = () => found.abort();
  const limit = AbortSignal.any([signal, found.signal]);
  const watching = agent.request(
    'watch',
    {},
    { onEvent: (event) => fits(event) && end(), signal: limit, timeoutMs: Number.POSITIVE_INFINITY },
  );
  if (await is()) end();
  await watching.catch((error) => {
    if (!found.signal.aborted) throw error;
  });
}

/** Establishes one more PN, 1-1, and gives the agent's own establish time (protocol 0.24). @throws CpnsError */
export async function establishOnce(pne: AgentProcess, signal: AbortSignal): Promise<number> {
  const created = await pne.request('pn.create', { setup: '1-1' }, { signal });
  const [hop] = created.pn.hops;
  if (hop?.protectedBy !== 'LocalEUKey' || !hop.forwardSecret)
    throw new CpnsError('State', 'NotAsPromised', `The hop of ${pne.id} is not protected by a LocalEUKey with forward secrecy.`);
  return created.establishMs;
}

import { CpnsError, type EntityId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { PairingEvent } from '../../src/control/api/pairing.js';
import { ControlClient } from '../../src/control/control-client.js';
import { controlPath } from '../../src/control/control-socket.js';
import { AgentError, ExitCode } from '../../src/control/exit-codes.js';
import { controlClient, serveControl, systemClock } from '../support/control.js';
import { scratchDirectory } from '../support/scratch.js';

const laptop = 'laptop' as EntityId;

describe('ControlClient', () => {
  it('brings back the result of a call', async () => {
    const { path } = await serveControl({ unpair: async ({ peer }) => ({ peer }) });
    const client = await controlClient(path);
    expect(await client.request('unpair', { peer: laptop })).toEqual({ peer: laptop });
  });

  it('hands on events in order, then the result', async () => {
    const { path } = await serveControl({
      openPairing: async (_params, progress) => {
        progress.emit({ type: 'window', closesInMs: 120_000, attemptsLeft: 5 });
        progress.emit({ type: 'found', peer: laptop, technology: 'lan' });
        return { peer: laptop, technology: 'lan', method: 'code', code: '123456', replaced: false };
      },
    });
    const client = await controlClient(path);
    const events: PairingEvent[] = [];
    const result = await client.request('pair.open', {}, { onEvent: (event) => events.push(event) });
    expect(events.map((event) => event.type)).toEqual(['window', 'found']);
    expect(result.code).toBe('123456');
  });

  it('fails with the sentence, code, family and exit code of the agent', async () => {
    const refused = new CpnsError('Auth', 'PairingRefused', 'The other device said no.');
    const { path } = await serveControl({ listConsents: () => Promise.reject(refused) });
    const client = await controlClient(path);
    const error = await client.request('consent.list', {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AgentError);
    expect(error).toMatchObject({ family: 'Auth', code: 'PairingRefused', message: refused.message, exitCode: ExitCode.Refused });
  });

  it('says when no agent runs', async () => {
    const path = controlPath(await scratchDirectory());
    await expect(ControlClient.connect(path, systemClock)).rejects.toMatchObject({
      code: 'AgentNotRunning',
      message: 'The agent is not running; start it with: cpns-agent run',
    });
  });

  it('gives up on an agent that does not answer in time', async () => {
    const { path } = await serveControl({ status: () => new Promise(() => {}) });
    const client = await controlClient(path);
    await expect(client.request('status', {}, { timeoutMs: 20 })).rejects.toMatchObject({ family: 'Timeout' });
  });

  it('can be aborted before and while it waits', async () => {
    const { path } = await serveControl({ status: () => new Promise(() => {}) });
    const client = await controlClient(path);
    await expect(client.request('status', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Aborted' });
    const stop = new AbortController();
    const outcome = client.request('status', {}, { signal: stop.signal }).catch((error: unknown) => error);
    stop.abort();
    expect(await outcome).toMatchObject({ code: 'Aborted' });
  });

  it('learns that the agent is ending', async () => {
    const { path, server } = await serveControl({ status: () => new Promise(() => {}), listConsents: async () => ({ consents: [] }) });
    const client = await controlClient(path);
    const outcome = client.request('status', {}).catch((error: unknown) => error);
    // Answered after `status` began: requests of one client are taken in order.
    await client.request('consent.list', {});
    await server.close();
    expect(await outcome).toMatchObject({ code: 'AgentGone', exitCode: ExitCode.NotRunning });
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'AgentGone' });
  });
});

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState } from '../../src/entity/device-state.js';
import { FileStore } from '../../src/store/file-store.js';
import { ComposedAgent, clock } from '../support/composed-agent.js';
import { freePort } from '../support/free-port.js';
import { pairByCode, pairedNeighbours } from '../support/pairing.js';

describe('a reset', () => {
  it('forgets pairings at both ends and goes on as the same device', async () => {
    const [a, b] = await pairedNeighbours();
    expect(await a.client.request('reset', {})).toEqual({ pairings: 1, pns: 0, messages: 0, enrolment: false });
    expect(await a.status()).toMatchObject({ id: a.id, peers: { paired: 0, linked: 0 } });
    await b.until(async () => (await b.status()).peers.paired === 0);
    await Promise.all([a.near(b.id), b.near(a.id)]);
    await pairByCode(a, b);
  });

  it('may be repeated, but not at the same time', async () => {
    const [a] = await pairedNeighbours();
    const both = await Promise.allSettled([a.client.request('reset', {}), a.client.request('reset', {})]);
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'ResetBusy' } }]);
    expect(await a.client.request('reset', {})).toMatchObject({ pairings: 0 });
  });

  it('of everything ends the agent and leaves no enrolment', async () => {
    const [a] = await pairedNeighbours();
    expect(await a.client.request('reset', { everything: true })).toMatchObject({ pairings: 1, enrolment: true });
    await a.ended;
    await a.stop();
    expect(await a.ports.inspect(a.place)).toEqual({ enrolment: undefined, probe: undefined });
    await expect(a.start()).rejects.toMatchObject({ code: 'NotEnrolled' });
    expect(await a.enrol()).toMatchObject({ id: a.id });
  });

  it('listens again where it did, at a fixed port too', async () => {
    const port = await freePort();
    const [a, b] = await pairedNeighbours({ config: { lan: `port: ${port}` } });
    await a.client.request('reset', {});
    expect(await a.address()).toBe(`127.0.0.1:${port}`);
    await Promise.all([a.near(b.id), b.near(a.id)]);
    await pairByCode(a, b);
  });

  it('ends a pairing that is under way', async () => {
    const agent = await ComposedAgent.running();
    const pairing = agent.client.request('pair.open', {}, { timeoutMs: 130_000 });
    pairing.catch(() => {});
    while ((await agent.status()).pairingWindow === undefined) await new Promise((resolve) => setImmediate(resolve));
    await agent.client.request('reset', {});
    await expect(pairing).rejects.toMatchObject({ code: 'Stopping' });
    expect((await agent.status()).pairingWindow).toBeUndefined();
  });

  it('works without the agent', async () => {
    const [a] = await pairedNeighbours();
    await a.stop();
    expect(await a.ports.reset(a.place, { everything: false })).toEqual({ pairings: 1, pns: 0, messages: 0, enrolment: false });
    expect(await a.ports.reset(a.place, { everything: true })).toEqual({ pairings: 0, pns: 0, messages: 0, enrolment: true });
    expect(await a.ports.reset(a.place, { everything: true })).toEqual({ pairings: 0, pns: 0, messages: 0, enrolment: false });
  });

  it('makes no state where there is none', async () => {
    const agent = await ComposedAgent.make();
    expect(await agent.ports.reset(agent.place, { everything: true })).toEqual({ pairings: 0, pns: 0, messages: 0, enrolment: false });
    await expect(stat(agent.place.stateDirectory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('never takes the boot counter back', async () => {
    const agent = await ComposedAgent.running();
    await agent.client.request('reset', { everything: true });
    await agent.ended;
    await agent.stop();
    const store = await FileStore.open({ directory: agent.place.stateDirectory, clock, logger: new MemoryLogger() });
    expect(store.keys('')).toEqual(['boot']);
    expect(await new DeviceState(store).nextBootCounter()).toBe(3);
    await store.close();
  });

  it('cures a state of which a record cannot be read', async () => {
    const agent = await ComposedAgent.make();
    await agent.enrol();
    const store = await FileStore.open({ directory: agent.place.stateDirectory, clock, logger: new MemoryLogger() });
    await store.commit(new Map([['pairing/phone', Uint8Array.of(1, 2, 3)]]));
    await store.close();
    await expect(agent.start()).rejects.toMatchObject({ code: 'StateCorrupt', message: expect.stringContaining('cpns-agent reset') });
    expect(await agent.ports.reset(agent.place, { everything: false })).toMatchObject({ pairings: 1 });
    await agent.start();
    await expect(stat(join(agent.place.stateDirectory, 'cpns-agent.sock'))).resolves.toBeDefined();
  });
});

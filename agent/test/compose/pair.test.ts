import { describe, expect, it } from 'vitest';
import { ALONE, ComposedAgent, clock, neighbours, uniqueId } from '../support/composed-agent.js';
import { freePort } from '../support/free-port.js';
import { pair, pairByCode, pairedNeighbours } from '../support/pairing.js';

/** Nothing tells a person who has gone that the window is closed. */
async function windowClosed(agent: ComposedAgent): Promise<void> {
  while ((await agent.status()).pairingWindow !== undefined) await new Promise((resolve) => setImmediate(resolve));
}

describe('two agents on loopback', () => {
  it('find each other by multicast and pair by a code that both show', async () => {
    const [a, b] = await neighbours({ config: { rest: 'name: Kitchen board' } });
    const sides = [pair(a, 'pair.peer', { peer: b.id }), pair(b, 'pair.peer', { peer: a.id })] as const;
    const [atA, atB] = await Promise.all([sides[0].result, sides[1].result]);
    expect(atA).toEqual({ peer: b.id, technology: 'lan', method: 'code', code: expect.stringMatching(/^\d{6}$/), replaced: false });
    expect(atB).toEqual({ ...atA, peer: a.id });
    for (const { events } of sides) {
      const steps = events.flatMap((event) => (event.type === 'step' ? [`${event.step}/${event.of} ${event.text}`] : []));
      expect(steps).toEqual([
        expect.stringMatching(/^1\/3 Looking for [ab]-/),
        expect.stringMatching(/^2\/3 Comparing codes with [ab]-/),
        '3/3 Opening the first secured link',
      ]);
      expect(events).toContainEqual({ type: 'window', closesInMs: expect.any(Number), attemptsLeft: 5 });
      expect(events).toContainEqual({ type: 'confirmed', at: 'here' });
      expect(events).toContainEqual({ type: 'confirmed', at: 'there' });
    }

    await Promise.all([a.linked(b.id), b.linked(a.id)]);
    await b.until(async () => (await b.peer(a.id))?.name !== undefined);
    expect(await b.peer(a.id, true)).toMatchObject({
      name: 'Kitchen board',
      paired: true,
      pairing: false,
      mode: 'unassigned',
      sightings: [{ technology: 'lan', addresses: [await a.address(), expect.stringMatching(/^\[::1\]:/)] }],
      link: { technology: 'lan', sinceMs: expect.any(Number) },
    });
    expect(await a.status()).toMatchObject({ peers: { paired: 1, linked: 1, near: 1 } });
  });

  it('explain, line by line, why none of them is PN GW', async () => {
    const [a, b] = await pairedNeighbours({ config: { rest: 'device: { preference: 2, power: battery, batteryPercent: 47 }' } });
    await b.until(async () => (await b.peer(a.id, true))?.score !== undefined);
    const { self, assignment } = await b.peers(true);
    const score = (await b.peer(a.id, true))?.score;
    expect(score).toMatchObject({ eligible: false, missing: ['It does not reach the CPNS Server.'] });
    expect(score?.lines).toEqual(
      expect.arrayContaining([
        { what: "owner's preference", value: '2', points: 20_000 },
        { what: 'mains power', value: 'no', points: 0 },
        { what: 'battery', value: '47 %', points: 180 },
        { what: 'paired devices', value: '1', points: 5 },
      ]),
    );
    expect(score?.total).toBe(score?.lines.reduce((sum, line) => sum + line.points, 0));
    expect(self.score?.lines.length).toBe(score?.lines.length);
    expect(assignment).toEqual({ reason: expect.stringMatching(/^No device here can be PN GW/) });
    expect((await b.peer(a.id))?.score).toBeUndefined();
  });

  it.each([
    ['a no', () => ({ type: 'no' }) as const],
    [
      'a code that is not the shown one',
      ({ code }: { code: string }) => ({ type: 'code', code: code === '000000' ? '000001' : '000000' }) as const,
    ],
  ])('keep nothing after %s on one side', async (_what, says) => {
    const [a, b] = await neighbours();
    const atA = pair(a, 'pair.peer', { peer: b.id });
    const stop = new AbortController();
    const atB = pair(b, 'pair.peer', { peer: a.id }, { says, signal: stop.signal });
    await expect(atB.result).rejects.toMatchObject({ code: 'PairingRefused', exitCode: 4 });
    expect(await atA.first('attempt-failed')).toMatchObject({ attemptsLeft: 4 });
    for (const agent of [a, b]) expect(await agent.status()).toMatchObject({ peers: { paired: 0, linked: 0 } });
    await a.stop();
    expect(await a.ports.reset(a.place, { everything: false })).toMatchObject({ pairings: 0 });
  });

  it('accept the right code, typed', async () => {
    const [a, b] = await neighbours();
    const typed = ({ code }: { code: string }) => ({ type: 'code', code }) as const;
    await Promise.all([
      pair(a, 'pair.peer', { peer: b.id }, { says: typed }).result,
      pair(b, 'pair.peer', { peer: a.id }, { says: typed }).result,
    ]);
    await a.linked(b.id);
  });

  it('replace a pairing once the new one has worked', async () => {
    const [a, b] = await pairedNeighbours();
    const sides = [pair(a, 'pair.peer', { peer: b.id }), pair(b, 'pair.peer', { peer: a.id })] as const;
    for (const { result } of sides) expect(await result).toMatchObject({ replaced: true });
    expect(await sides[0].first('code')).toMatchObject({ replaces: true });
    await Promise.all([a.linked(b.id), b.linked(a.id)]);
  });

  it('close the window when its time is over or its person has gone', async () => {
    const agent = await ComposedAgent.running();
    await expect(pair(agent, 'pair.open', { timeoutMs: 50 }).result).rejects.toMatchObject({ code: 'PairingWindowClosed', exitCode: 7 });
    const gone = new AbortController();
    const side = pair(agent, 'pair.open', {}, { signal: gone.signal });
    await side.first('window');
    expect((await agent.status()).pairingWindow).toMatchObject({ attemptsLeft: 5 });
    await expect(pair(agent, 'pair.open', {}).result).rejects.toMatchObject({ code: 'PairingBusy' });
    gone.abort();
    await expect(side.result).rejects.toThrow();
    await windowClosed(agent);
  });

  it('part when one of them unpairs', async () => {
    const [a, b] = await pairedNeighbours();
    expect(await a.client.request('unpair', { peer: b.id })).toEqual({ peer: b.id });
    await b.until(async () => (await b.status()).peers.paired === 0);
    await expect(a.client.request('unpair', { peer: b.id })).rejects.toMatchObject({ code: 'NotPaired' });
    await pairByCode(a, b);
  });

  it('tell who watches what happens', async () => {
    const [a, b] = await neighbours();
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = a.client
      .request('watch', {}, { signal: stop.signal, timeoutMs: Number.POSITIVE_INFINITY, onEvent: (event) => seen.push(event.type) })
      .catch(() => {});
    await pairByCode(a, b);
    expect(seen).toEqual(expect.arrayContaining(['peer-paired', 'link-up']));
    stop.abort();
    await watching;
  });
});

describe('pairing by link', () => {
  it('needs nobody at the device that shows it', async () => {
    const [shower, taker] = await neighbours();
    const shown = pair(shower, 'pair.link.show', {});
    const { link } = await shown.first('link');
    expect(link).toMatch(new RegExp(`^http://${await shower.address()}/p#`));
    const atTaker = pair(taker, 'pair.link.take', { link });
    expect(await atTaker.result).toEqual({ peer: shower.id, technology: 'lan', method: 'link', replaced: false });
    expect(await shown.result).toEqual({ peer: taker.id, technology: 'lan', method: 'link', replaced: false });
    expect(atTaker.events.filter(({ type }) => type === 'code')).toEqual([]);
    await Promise.all([shower.linked(taker.id), taker.linked(shower.id)]);
  });

  it('works once', async () => {
    const [shower, taker] = await neighbours();
    const shown = pair(shower, 'pair.link.show', {});
    const { link } = await shown.first('link');
    await pair(taker, 'pair.link.take', { link }).result;
    const late = await ComposedAgent.running();
    await expect(pair(late, 'pair.link.take', { link }).result).rejects.toMatchObject({ exitCode: 4 });
    expect(await late.status()).toMatchObject({ peers: { paired: 0 } });
  });

  it('needs the very link that is shown', async () => {
    const [shower, taker] = await neighbours();
    const first = new AbortController();
    const before = pair(shower, 'pair.link.show', {}, { signal: first.signal });
    const old = await before.first('link');
    first.abort();
    await windowClosed(shower);
    const shown = pair(shower, 'pair.link.show', {});
    await shown.first('link');
    await expect(pair(taker, 'pair.link.take', { link: old.link }).result).rejects.toMatchObject({ exitCode: 4 });
    for (const agent of [shower, taker]) expect(await agent.status()).toMatchObject({ peers: { paired: 0 } });
  });

  it.each([
    ['a text that is none', async () => 'http://192.0.2.1:1/p#AAAA', 'BadPairingLink'],
    [
      'the own link',
      async (agent: ComposedAgent) => {
        const gone = new AbortController();
        const shown = pair(agent, 'pair.link.show', {}, { signal: gone.signal });
        const { link } = await shown.first('link');
        gone.abort();
        await windowClosed(agent);
        return link;
      },
      'BadPeer',
    ],
  ])('refuses %s', async (_what, linkFor, code) => {
    const agent = await ComposedAgent.running();
    const link = await linkFor(agent);
    await expect(pair(agent, 'pair.link.take', { link }).result).rejects.toMatchObject({ code, exitCode: 2 });
  });
});

describe('pairing by address, where there is no multicast', () => {
  it('finds who is there, and finds it again after a restart', async () => {
    const port = await freePort();
    const a = await ComposedAgent.running({ id: uniqueId('a') });
    const b = await ComposedAgent.running({ id: uniqueId('b'), mdnsPort: ALONE, config: { lan: `port: ${port}` } });
    const atB = pair(b, 'pair.open', {});
    await atB.first('window');
    const atA = pair(a, 'pair.peer', { peer: `127.0.0.1:${port}` });
    expect(await atA.result).toMatchObject({ peer: b.id, method: 'code' });
    await atB.result;
    await Promise.all([a.linked(b.id), b.linked(a.id)]);

    await Promise.all([a.stop(), b.stop()]);
    await Promise.all([b.start(), a.start()]);
    await Promise.all([a.linked(b.id), b.linked(a.id)]);
  });

  it('notices at once that the window opens there, whoever has the lower id', async () => {
    const caller = await ComposedAgent.running({ id: uniqueId('b') });
    const called = await ComposedAgent.running({ id: uniqueId('a'), mdnsPort: ALONE });
    const atCaller = pair(caller, 'pair.peer', { peer: await called.address() });
    await atCaller.first('window');
    await caller.near(called.id);
    const openedMs = clock.monotonicMs();
    const atCalled = pair(called, 'pair.open', {});
    await Promise.all([atCaller.result, atCalled.result]);
    expect(clock.monotonicMs() - openedMs).toBeLessThan(2_500);
  });

  it('keeps the addresses of a link', async () => {
    const port = await freePort();
    const taker = await ComposedAgent.running({ id: uniqueId('a') });
    const shower = await ComposedAgent.running({ id: uniqueId('b'), mdnsPort: ALONE, config: { lan: `port: ${port}` } });
    const shown = pair(shower, 'pair.link.show', {});
    await pair(taker, 'pair.link.take', { link: (await shown.first('link')).link }).result;
    await shown.result;
    await taker.near(shower.id);
    await taker.stop();
    await taker.start();
    await taker.linked(shower.id);
  });

  it('looks after the devices that the configuration names', async () => {
    const far = await ComposedAgent.running({ mdnsPort: ALONE });
    const near = await ComposedAgent.running({ config: { lan: `peers: ["${await far.address()}"]` } });
    await near.near(far.id);
    expect((await far.peers()).peers).toEqual([]);
  });

  it.each([
    ['nothing listens', async () => `127.0.0.1:${await freePort()}`, { code: 'PeerUnreachable', exitCode: 6 }],
    ['this very device listens', (agent: ComposedAgent) => agent.address(), { code: 'BadPeer', exitCode: 2 }],
  ])('says at once when %s there', async (_what, address, refusal) => {
    const agent = await ComposedAgent.running();
    const startedMs = clock.monotonicMs();
    await expect(pair(agent, 'pair.peer', { peer: await address(agent) }).result).rejects.toMatchObject(refusal);
    expect(clock.monotonicMs() - startedMs).toBeLessThan(4_000);
  });

  it.each([
    ['What is no id', 'The Board', 'names no device'],
    ['its own id', '', 'is this device itself'],
  ])('refuses %s', async (_what, given, says) => {
    const agent = await ComposedAgent.running({ id: uniqueId('self') });
    await expect(pair(agent, 'pair.peer', { peer: given === '' ? agent.id : given }).result).rejects.toMatchObject({
      code: 'BadPeer',
      message: expect.stringContaining(says),
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clock } from './lan-lab.js';
import { type NamespaceAgent, NamespaceLab, whyNoNamespaces } from './namespaces.js';

const why = whyNoNamespaces();
const MAX_AGE_MS = 3_000;

describe.skipIf(why !== undefined)(`hosts on a real Ethernet segment${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let lab: NamespaceLab;
  let a: NamespaceAgent;
  let b: NamespaceAgent;
  let c: NamespaceAgent;

  beforeAll(async () => {
    lab = new NamespaceLab();
    lab.host('a', '10.77.0.1/24');
    lab.host('b', '10.77.0.2/24');
    lab.host('c', '10.77.0.3/24');
    const options = { maxAgeMs: MAX_AGE_MS };
    [a, b, c] = await Promise.all([
      lab.agent('a', 'host-a', options),
      lab.agent('b', 'host-b', options),
      lab.agent('c', 'host-c', options),
    ]);
  });
  afterAll(() => lab.dispose());

  it('find one another without a default route, and dial', async () => {
    const all = [a, b, c];
    await Promise.all(all.map((one) => one.until(() => all.every((other) => other === one || one.sightings.has(other.id)))));
    expect(a.addressesOf(b)).toContainEqual(expect.stringMatching(/^10\.77\.0\.2:\d+$/));
    expect(a.addressesOf(b)).toContainEqual(expect.stringMatching(/^\[fe80::[0-9a-f:]+%eth0\]:\d+$/));
    expect(a.addressesOf(b).filter((address) => !/^10\.77\.0\.2:|^\[fe80::/.test(address))).toEqual([]);
    await a.dial(a.addressesOf(b));
    await c.dial(a.addressesOf(b).filter((address) => address.startsWith('[fe80')));
    await b.until(() => b.notes.log.filter((line) => line === 'accepted').length === 2);
  });

  it('see a change of address', async () => {
    lab.on('b', 'addr', 'del', '10.77.0.2/24', 'dev', 'eth0');
    lab.on('b', 'addr', 'add', '10.77.0.22/24', 'dev', 'eth0');
    await a.until(() => a.addressesOf(b)[0]?.startsWith('10.77.0.22:') ?? false);
    await a.dial(a.addressesOf(b));
    await a.until(() => !a.addressesOf(b).some((address) => address.startsWith('10.77.0.2:')));
  });

  it('find again who was unplugged and got a new card', async () => {
    lab.unplug('c');
    await c.until(() => c.notes.log.some((line) => line.startsWith('problem')));
    await a.until(() => !a.sightings.has(c.id));
    lab.plug('c', '10.77.0.3/24');
    c.tell({ do: 'announce', announcement: { mode: 2, pairing: true } });
    await a.until(() => a.sightings.get(c.id)?.pairing === true);
    a.tell({ do: 'announce', announcement: { mode: 1, pairing: false } });
    await c.until(() => c.sightings.get(a.id)?.mode === 1);
    await c.dial(c.addressesOf(a));
  });

  it('find again whose card was replaced faster than anybody looks, by one that looks the same', async () => {
    lab.plainCard('c', '10.77.0.3/24');
    c.tell({ do: 'refresh' });
    a.tell({ do: 'announce', announcement: { mode: 0, pairing: true } });
    await c.until(() => c.sightings.get(a.id)?.pairing === true);
    lab.plainCard('c', '10.77.0.3/24');
    a.tell({ do: 'announce', announcement: { mode: 3, pairing: false } });
    c.tell({ do: 'announce', announcement: { mode: 3, pairing: false } });
    await c.until(() => c.sightings.get(a.id)?.mode === 3);
    await a.until(() => a.sightings.get(c.id)?.mode === 3);
  });

  it('find who has IPv6 only', async () => {
    lab.on('b', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global');
    await a.until(() => a.addressesOf(b).length > 0 && a.addressesOf(b).every((address) => address.startsWith('[fe80::')));
    await a.dial(a.addressesOf(b));
    await b.until(() => b.sightings.has(a.id));
    await b.dial(b.addressesOf(a).filter((address) => address.startsWith('[fe80::')));
  });

  it('notice who was switched off without a word', async () => {
    await a.until(() => a.sightings.has(b.id));
    await b.kill();
    const killedMs = clock.monotonicMs();
    await a.until(() => !a.sightings.has(b.id));
    expect(clock.monotonicMs() - killedMs).toBeLessThan(MAX_AGE_MS + 1_000);
    expect(a.sightings.has(c.id)).toBe(true);
  });

  it('say goodbye when they stop', async () => {
    c.tell({ do: 'stop' });
    const stoppedMs = clock.monotonicMs();
    await a.until(() => !a.sightings.has(c.id));
    expect(clock.monotonicMs() - stoppedMs).toBeLessThan(2_500);
  });

  it('talk to themselves where there is nothing but loopback', async () => {
    lab.lonely('d');
    const [one, other] = await Promise.all([lab.agent('d', 'host-d-1'), lab.agent('d', 'host-d-2')]);
    await Promise.all([one.until(() => one.sightings.has(other.id)), other.until(() => other.sightings.has(one.id))]);
    expect(one.addressesOf(other)[0]).toMatch(/^127\.0\.0\.1:/);
    await one.dial(one.addressesOf(other));
  });
});

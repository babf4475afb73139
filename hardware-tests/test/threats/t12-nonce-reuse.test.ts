import { pnIdText } from '@cpns/agent';
import { nativeProvider } from '@cpns/shared/node';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { household as crashable, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from '../../rigs/simulation/crash-points/scene.js';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { Witness } from '../../rigs/simulation/invariants/witness.js';
import { BOARD_ID, establishAtPhone, household, never } from '../simulation/household.js';

const message = { channel: 'c', contentType: 't', payload: new Uint8Array(100) };

/** Data of every kind: for the server, for a PN GW, for another PNE, and from the server. */
async function talk({ server }: Pick<Scene, 'server'>, { device }: SimulatedDevice): Promise<void> {
  const [pn] = device.state.pns();
  if (pn === undefined) return;
  const pnId = pnIdText(pn.pnId);
  for (const to of ['server', LAPTOP_ID, BOARD_ID] as const) await device.messenger.queue({ ...message, pnId, to }).catch(() => undefined);
  void server.enabler.sendData({ ...message, to: PHONE_ID }, 1).catch(() => undefined);
}

/** The phone establishes a PN and talks in it. What one of the parties does in that time is counted by its deeds. */
async function modelRun(scene: Scene): Promise<void> {
  const { device } = scene.device(PHONE_ID);
  device.networks.establish({ type: 'all' }, undefined, () => {}, never()).catch(() => undefined);
  await scene.clock.advance(400);
  await talk(scene, scene.device(PHONE_ID));
  await scene.clock.advance(400);
}

/** Kills a party at the n-th deed of a model run and starts it again. Undefined: there were not so many. */
async function killedAt(party: Party, n: number) {
  const scene = await crashable();
  let killed = false;
  scene.deedsOf(party).at(n, () => {
    killed = true;
    scene.crash(party);
    scene.clock.after(100, () => void scene.revive(party));
  });
  await modelRun(scene);
  await scene.clock.advance(2_000);
  await talk(scene, scene.device(PHONE_ID));
  await scene.clock.advance(500);
  const { reuses, seals } = scene.witness.recorder;
  expect(seals.length).toBeGreaterThan(50);
  await scene.close();
  return killed ? reuses.length : undefined;
}

/** Every step of an establishment is killed by the crash points, under the same invariant; here, some of one with data in it. */
const STRIDE = 4;

describe('T12 Nonce reuse after crash, fork, VM snapshot', () => {
  it.each([PHONE_ID, LAPTOP_ID, SERVER])(
    '%s is killed at steps all over a model run and starts again: no key seals twice with one nonce',
    async (party) => {
      const reuses: number[] = [];
      for (let n = 1; ; n += STRIDE) {
        const found = await killedAt(party, n);
        if (found === undefined) break;
        reuses.push(found);
      }
      expect(reuses.length).toBeGreaterThan(5);
      expect(reuses).toEqual(reuses.map(() => 0));
    },
    60_000,
  );

  it.each(['phone', 'laptop'] as const)('the state of %s runs in two processes, one after the other and at once: neither', async (name) => {
    const witness = new Witness(nativeProvider);
    const providers = Object.fromEntries(['laptop', 'phone', 'board'].map((one) => [one, { provider: witness.provider(one) }]));
    const home = await household(providers, { provider: witness.provider('') });
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(2_000);
    await talk(home, home.phone);
    await home.clock.advance(2_000);
    const original = home[name];
    const clones: SimulatedDevice[] = [];
    const clone = async () => {
      const store = new MemoryStore();
      for (const changes of original.store.commits) await store.commit(changes);
      clones.push(await home.start(name, { store }));
      await home.clock.advance(5_000);
    };
    const talkAll = async () => {
      for (const device of [...clones, home.phone]) await talk(home, device);
      await home.clock.advance(5_000);
    };
    original.powerCut();
    await clone();
    await talkAll();
    clones[0]?.powerCut();
    await clone();
    await talkAll();
    await clone();
    await talkAll();
    await talkAll();
    expect(clones).toHaveLength(3);
    expect(witness.recorder.seals.length).toBeGreaterThan(200);
    expect(witness.recorder.reuses).toEqual([]);
  });
});

import type { PairingReport, PairingRequest } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import { pairByCode } from '../device.js';
import { establish } from './establishing.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { household, LAPTOP_ID, type Party, PHONE_ID, Scene } from './scene.js';

/** Two devices of one user that have never met. */
export async function strangers(scene = new Scene()): Promise<Scene> {
  await scene.start(LAPTOP_ID);
  await scene.start(PHONE_ID);
  await scene.clock.advance(5_000);
  return scene;
}

/** A PN rests on the pairing that is made anew. */
async function acquaintances(): Promise<Scene> {
  const scene = await household();
  await establish(scene, { type: 'one-to-one' });
  await scene.clock.advance(5_000);
  return scene;
}

/** Opens the window of a device; its person says yes to every code. */
function open(scene: Scene, told: Map<Party, Told>, id: EntityId, request: PairingRequest, seen: (event: PairingReport) => void): void {
  const { device } = scene.device(id);
  const report = (event: PairingReport) => {
    seen(event);
    if (event.type === 'code') scene.clock.after(10, () => device.pairing.answer(event.attempt, { type: 'yes' }));
  };
  tell(told, id, device.pairing.pair(request, undefined, report, new AbortController().signal));
}

/** Both hold the same key for one another, and it is another one than before. */
function pairing(scene: Scene): Running & { readonly told: Map<Party, Told> } {
  const keyAt = (id: EntityId, peer: EntityId) => toHex(scene.device(id).device.state.pairing(peer)?.kPair ?? new Uint8Array());
  const keys = () => [keyAt(LAPTOP_ID, PHONE_ID), keyAt(PHONE_ID, LAPTOP_ID)];
  const [before] = keys();
  return { told: new Map(), stands: () => keys().every((key) => key !== '' && key !== before) };
}

function byCode(scene: Scene): Running {
  const running = pairing(scene);
  open(scene, running.told, LAPTOP_ID, { type: 'code', peer: PHONE_ID }, () => {});
  open(scene, running.told, PHONE_ID, { type: 'code', peer: LAPTOP_ID }, () => {});
  return running;
}

function byLink(scene: Scene): Running {
  const running = pairing(scene);
  open(scene, running.told, LAPTOP_ID, { type: 'show-link' }, (event) => {
    if (event.type !== 'link') return;
    const taken: PairingRequest = { type: 'take-link', peer: LAPTOP_ID, addresses: [LAPTOP_ID], link: event.invitation };
    scene.clock.after(10, () => open(scene, running.told, PHONE_ID, taken, () => {}));
  });
  return running;
}

async function again(scene: Scene): Promise<void> {
  await pairByCode(scene.clock, scene.device(LAPTOP_ID), scene.device(PHONE_ID));
}

export const PAIRING: readonly Flow[] = [
  {
    name: 'pair-by-code',
    title: 'two devices pair by comparing a code',
    sides: { caller: LAPTOP_ID, called: PHONE_ID },
    lastsMs: 2_000,
    prepare: () => strangers(),
    begin: byCode,
    again,
  },
  {
    name: 'pair-over-bluetooth',
    title: 'two devices that have Bluetooth alone pair by code, and turn their link round to the PN GW',
    sides: { 'pn-gw': LAPTOP_ID, pne: PHONE_ID },
    lastsMs: 12_000,
    prepare: () => strangers(Scene.overBluetooth()),
    begin: byCode,
    again,
  },
  {
    name: 'pair-by-link',
    title: 'two devices pair by a link that one of them shows',
    sides: { shows: LAPTOP_ID, takes: PHONE_ID },
    lastsMs: 2_000,
    prepare: () => strangers(),
    begin: byLink,
    again,
  },
  {
    name: 'pair-again',
    title: 'two devices that are in a PN pair anew',
    sides: { caller: LAPTOP_ID, called: PHONE_ID },
    lastsMs: 2_000,
    prepare: acquaintances,
    begin: byCode,
    again,
  },
];

import type { EntityId } from '@cpns/shared';
import { pairByCode } from '../device.js';
import { establish } from './establishing.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { BOARD_ID, household, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from './scene.js';

/** A PN of that type stands, and all is at rest. */
export async function established(type: 'all' | 'one-to-one'): Promise<Scene> {
  const scene = await household();
  await establish(scene, { type });
  await scene.clock.advance(5_000);
  return scene;
}

/** In no PN at the server, and holding none. */
export function isOut(scene: Scene, id: EntityId): boolean {
  return scene.server.database.reads.pns.ofMember(id).length === 0 && scene.device(id).device.state.pns().length === 0;
}

function unpair(scene: Scene, at: EntityId, other: EntityId): Running {
  const told = new Map<Party, Told>();
  const pne = at === LAPTOP_ID ? other : at;
  tell(told, at, scene.device(at).device.unpair(other));
  const isPaired = () => scene.device(at).device.state.pairing(other) !== undefined;
  return { told, stands: () => !isPaired() && isOut(scene, pne) };
}

/** A revoked device may not have heard of it, and would believe nobody any more: what counts is that nobody believes it. */
function revoke(scene: Scene, id: EntityId): Running {
  const told = new Map<Party, Told>();
  const { devices, pns } = scene.server.database.reads;
  tell(told, SERVER, scene.server.enabler.revokeDevice(id));
  return { told, stands: () => devices.find(id)?.state === 'revoked' && pns.ofMember(id).length === 0 };
}

/** Whoever is not paired with the PN GW (any more) pairs, all are in a PN, and one is unpaired. */
async function unpairOnceMore(scene: Scene, at: EntityId, other: EntityId): Promise<void> {
  const { clock } = scene;
  await pairByCode(clock, scene.device(at), scene.device(other));
  await clock.advance(5_000);
  await establish(scene, { type: 'all' });
  await clock.advance(1_000);
  await clock.run(scene.device(at).device.unpair(other));
}

const REMAINDER: Flow['sides'] = { 'pn-gw': LAPTOP_ID, leaver: BOARD_ID, remains: PHONE_ID, server: SERVER };
const lastsMs = 3_000;

export const LEAVING: readonly Flow[] = [
  {
    name: 'unpair-at-pn-gw',
    title: 'PN Update: the PN GW unpairs a PNE, which leaves a PN of others',
    sides: REMAINDER,
    lastsMs,
    prepare: () => established('all'),
    begin: (scene) => unpair(scene, LAPTOP_ID, BOARD_ID),
    again: (scene) => unpairOnceMore(scene, LAPTOP_ID, BOARD_ID),
  },
  {
    name: 'unpair-at-pne',
    title: 'PN Update: a PNE unpairs the PN GW, and leaves a PN of others',
    sides: REMAINDER,
    lastsMs,
    prepare: () => established('all'),
    begin: (scene) => unpair(scene, BOARD_ID, LAPTOP_ID),
    again: (scene) => unpairOnceMore(scene, BOARD_ID, LAPTOP_ID),
  },
  {
    name: 'unpair-last',
    title: 'PN Update: the PN GW unpairs the only PNE of a PN, which ends with it',
    sides: { 'pn-gw': LAPTOP_ID, leaver: PHONE_ID, server: SERVER },
    lastsMs,
    prepare: () => established('one-to-one'),
    begin: (scene) => unpair(scene, LAPTOP_ID, PHONE_ID),
    again: (scene) => unpairOnceMore(scene, LAPTOP_ID, PHONE_ID),
  },
  {
    name: 'revoke-pne',
    title: 'the server revokes a PNE, which leaves a PN of others',
    sides: REMAINDER,
    lastsMs,
    prepare: () => established('all'),
    begin: (scene) => revoke(scene, BOARD_ID),
    again: async (scene) => {
      await scene.clock.run(scene.server.enabler.revokeDevice(BOARD_ID));
      await scene.clock.advance(10_000);
      await establish(scene, { type: 'one-to-one' });
    },
  },
];

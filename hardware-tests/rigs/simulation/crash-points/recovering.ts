import type { EntityId } from '@cpns/shared';
import { establish } from './establishing.js';
import type { Flow, Running } from './flow.js';
import { BOARD_ID, household, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from './scene.js';

const RENEWAL_CHECK_MS = 600_000;
const NINETEEN_HOURS_MS = 19 * 3_600_000;

async function established(): Promise<Scene> {
  const scene = await household();
  await establish(scene, { type: 'all' });
  await scene.clock.advance(5_000);
  return scene;
}

async function without(party: Party): Promise<Scene> {
  const scene = await established();
  scene.crash(party);
  await scene.clock.advance(20_000);
  return scene;
}

/** The board was unpaired while the phone was away: inventory and PN key are others now. */
async function behind(): Promise<Scene> {
  const scene = await without(PHONE_ID);
  await scene.clock.run(scene.device(LAPTOP_ID).device.unpair(BOARD_ID));
  await scene.clock.advance(10_000);
  return scene;
}

/** The keys of the phone are due for renewal, and it is about to notice. */
async function aged(): Promise<Scene> {
  const scene = await established();
  const { clock } = scene;
  scene.crash(PHONE_ID);
  await scene.start(PHONE_ID);
  const startedMs = clock.monotonicMs();
  await clock.advance(30_000);
  scene.setClocksAhead(NINETEEN_HOURS_MS);
  await clock.advance(startedMs + RENEWAL_CHECK_MS - 50 - clock.monotonicMs());
  return scene;
}

/** The PN of the beginning is still there for everybody who is in it, and works: the rest is looked at after every flow. */
function recovery(scene: Scene, happens: () => void): Running {
  const { pns } = scene.server.database.reads;
  const before = pns.list().map(({ pnId }) => pnId);
  happens();
  const known = (id: EntityId) => scene.device(id).device.state.pns().length;
  return {
    told: new Map(),
    stands: () => before.length === 1 && before.every((pnId) => pns.find(pnId) !== undefined) && known(PHONE_ID) === 1,
  };
}

const SIDES: Flow['sides'] = { pne: PHONE_ID, 'other-pne': BOARD_ID, 'pn-gw': LAPTOP_ID, server: SERVER };
const comeBack = (party: Party) => (scene: Scene) => recovery(scene, () => void scene.revive(party).catch(() => {}));

async function again(scene: Scene): Promise<void> {
  const { clock } = scene;
  scene.crash(PHONE_ID);
  await clock.advance(5_000);
  await scene.start(PHONE_ID);
  await clock.advance(60_000);
  await establish(scene, { type: 'one-to-one' });
}

export const RECOVERING: readonly Flow[] = [
  {
    name: 'return-of-pne',
    title: 'reconciliation: a PNE comes back after a while',
    sides: SIDES,
    lastsMs: 8_000,
    prepare: () => without(PHONE_ID),
    begin: comeBack(PHONE_ID),
    again,
  },
  {
    name: 'return-of-pn-gw',
    title: 'reconciliation: the PN GW comes back after a while',
    sides: SIDES,
    lastsMs: 8_000,
    prepare: () => without(LAPTOP_ID),
    begin: comeBack(LAPTOP_ID),
    again,
  },
  {
    name: 'return-of-server',
    title: 'reconciliation: the server comes back after a while',
    sides: SIDES,
    lastsMs: 8_000,
    prepare: () => without(SERVER),
    begin: comeBack(SERVER),
    again,
  },
  {
    name: 'broken-link',
    title: 'reconciliation: the link between a PNE and its PN GW breaks',
    sides: SIDES,
    lastsMs: 5_000,
    prepare: established,
    begin: (scene) => recovery(scene, () => scene.air.sever(PHONE_ID, LAPTOP_ID)),
    again,
  },
  {
    name: 'behind',
    title: 'reconciliation: a PNE comes back that has missed a new inventory and a new PN key',
    sides: { pne: PHONE_ID, 'pn-gw': LAPTOP_ID, server: SERVER },
    lastsMs: 8_000,
    prepare: behind,
    begin: comeBack(PHONE_ID),
    again,
  },
  {
    name: 'renewal',
    title: 'PNE Registration: LocalEUKey and session of a PNE are renewed',
    sides: { pne: PHONE_ID, 'pn-gw': LAPTOP_ID, server: SERVER },
    lastsMs: 3_000,
    prepare: aged,
    begin: (scene) => recovery(scene, () => {}),
    again,
  },
];

import type { EntityId } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import { establish } from './establishing.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { established, isOut } from './leaving.js';
import { BOARD_ID, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from './scene.js';

type Networks = SimulatedDevice['device']['networks'];

/** What somebody asks of the only PN in the scene. */
function begin(scene: Scene, at: EntityId, ask: (networks: Networks) => Promise<unknown>, stands: () => boolean): Running {
  const told = new Map<Party, Told>();
  tell(told, at, ask(scene.device(at).device.networks));
  return { told, stands };
}

const noPn = (scene: Scene) => [LAPTOP_ID, PHONE_ID, BOARD_ID].every((id) => isOut(scene, id));
const ALL: Flow['sides'] = { 'pn-gw': LAPTOP_ID, leaver: BOARD_ID, remains: PHONE_ID, server: SERVER };

function wayOut(
  name: string,
  title: string,
  at: EntityId,
  ask: (networks: Networks) => Promise<unknown>,
  stands: (scene: Scene) => boolean,
): Flow {
  return {
    name,
    title,
    sides: ALL,
    lastsMs: 3_000,
    prepare: () => established('all'),
    begin: (scene) => begin(scene, at, ask, () => stands(scene)),
    again: async (scene) => {
      const pns = scene.server.database.reads.pns.list();
      for (const { pnId } of pns) await scene.clock.run(scene.device(LAPTOP_ID).device.networks.release(pnId));
      await scene.clock.advance(5_000);
      await establish(scene, { type: 'all' });
      await scene.clock.advance(1_000);
      await scene.clock.run(ask(scene.device(at).device.networks));
    },
  };
}

export const WAYS_OUT: readonly Flow[] = [
  wayOut(
    'leave',
    'a PNE leaves a PN of others',
    BOARD_ID,
    (networks) => networks.leave(undefined),
    (scene) => isOut(scene, BOARD_ID),
  ),
  wayOut(
    'expel',
    'the PN GW expels a PNE',
    LAPTOP_ID,
    (networks) => networks.expel(BOARD_ID, undefined),
    (scene) => isOut(scene, BOARD_ID),
  ),
  wayOut('release-at-pn-gw', 'the PN GW releases its PN', LAPTOP_ID, (networks) => networks.release(undefined), noPn),
  wayOut('release-at-pne', 'a PNE releases the PN that it is in', BOARD_ID, (networks) => networks.release(undefined), noPn),
];

import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { SimulatedDevice } from '../device.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { BOARD_ID, household, LAPTOP_ID, type Party, PHONE_ID, Scene, SERVER } from './scene.js';

type Setup = Parameters<SimulatedDevice['device']['establish']>[0];

const never = (): AbortSignal => new AbortController().signal;
const ask = (scene: Scene, setup: Setup) => scene.device(PHONE_ID).device.establish(setup, undefined, () => {}, never());

/** The phone establishes a PN, and everybody who is asked must get in. */
export async function establish(scene: Scene, setup: Setup): Promise<PnId> {
  const { record, outcomes } = await scene.clock.run(ask(scene, setup));
  const refused = outcomes.filter(({ status }) => status !== Status.Success).map(({ pne }) => pne);
  if (refused.length > 0) throw new Error(`${refused.join(' and ')} did not get in`);
  return pnIdText(record.pnId);
}

function begin(scene: Scene, setup: Setup): Running {
  const told = new Map<Party, Told>();
  let pnId: PnId | undefined;
  const asked = ask(scene, setup).then(({ record }) => {
    pnId = pnIdText(record.pnId);
  });
  tell(told, PHONE_ID, asked);
  const { pns } = scene.server.database.reads;
  return { told, stands: () => pns.ofMember(PHONE_ID).some((pn) => pnId === undefined || pn.pnId === pnId) };
}

const ALONE: Flow['sides'] = { pne: PHONE_ID, 'pn-gw': LAPTOP_ID, server: SERVER };
const TOGETHER: Flow['sides'] = { ...ALONE, 'other-pne': BOARD_ID };

const establishment = (name: string, title: string, sides: Flow['sides'], setup: Setup, prepare = () => household()): Flow => ({
  name,
  title,
  sides,
  lastsMs: 3_000,
  prepare,
  begin: (scene) => begin(scene, setup),
  again: async (scene) => void (await establish(scene, setup)),
});

export const ESTABLISHING: readonly Flow[] = [
  establishment('establish-one-to-one', 'a PNE establishes a PN with its PN GW', ALONE, { type: 'one-to-one' }),
  establishment('establish-over-bluetooth', 'a PNE establishes a PN with its PN GW over Bluetooth', ALONE, { type: 'one-to-one' }, () =>
    household(Scene.overBluetooth()),
  ),
  establishment('establish-all', 'a PNE establishes a PN with everybody who is paired', TOGETHER, { type: 'all' }),
  establishment('establish-named', 'a PNE establishes a PN with one that it names', TOGETHER, { type: 'named', pnes: [BOARD_ID] }),
];

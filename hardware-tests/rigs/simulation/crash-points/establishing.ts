import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { SimulatedDevice } from '../device.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { BOARD_ID, GUEST_ID, HOME_ID, household, LAPTOP_ID, neighbours, type Party, PHONE_ID, Scene, SERVER } from './scene.js';

type Setup = Parameters<SimulatedDevice['device']['networks']['establish']>[0];

const never = (): AbortSignal => new AbortController().signal;
const askAtGateway = (scene: Scene, setup: Setup) => scene.device(LAPTOP_ID).device.networks.establish(setup, undefined, () => {}, never());
const ask = (scene: Scene, setup: Setup) => scene.device(PHONE_ID).device.networks.establish(setup, undefined, () => {}, never());

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

/** The PN GW establishes a PN by itself, and everybody who is asked must get in. */
async function establishAtGateway(scene: Scene, setup: Setup): Promise<void> {
  const { outcomes } = await scene.clock.run(askAtGateway(scene, setup));
  const refused = outcomes.filter(({ status }) => status !== Status.Success).map(({ pne }) => pne);
  if (refused.length > 0) throw new Error(`${refused.join(' and ')} did not get in`);
}

function beginAtGateway(scene: Scene, setup: Setup): Running {
  const told = new Map<Party, Told>();
  let pnId: PnId | undefined;
  const asked = askAtGateway(scene, setup).then(({ record }) => {
    pnId = pnIdText(record.pnId);
  });
  tell(told, LAPTOP_ID, asked);
  const { pns } = scene.server.database.reads;
  return { told, stands: () => pns.ofGateway(LAPTOP_ID).some((pn) => pnId === undefined || pn.pnId === pnId) };
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

const byGateway = (name: string, title: string, sides: Flow['sides'], setup: Setup, prepare = () => household()): Flow => ({
  name,
  title,
  sides,
  lastsMs: 3_000,
  prepare,
  begin: (scene) => beginAtGateway(scene, setup),
  again: (scene) => establishAtGateway(scene, setup),
});

export const ESTABLISHING: readonly Flow[] = [
  establishment('establish-one-to-one', 'a PNE establishes a PN with its PN GW', ALONE, { type: 'one-to-one' }),
  establishment('establish-over-bluetooth', 'a PNE establishes a PN with its PN GW over Bluetooth', ALONE, { type: 'one-to-one' }, () =>
    household(Scene.overBluetooth()),
  ),
  establishment('establish-all', 'a PNE establishes a PN with everybody who is paired', TOGETHER, { type: 'all' }),
  byGateway('establish-by-pn-gw', 'a PN GW establishes a PN with one PNE', ALONE, { type: 'named', pnes: [PHONE_ID] }),
  byGateway('establish-all-by-pn-gw', 'a PN GW establishes a PN with everybody who is paired', TOGETHER, { type: 'all' }),
  byGateway(
    'establish-across-users',
    "a PN GW establishes a PN with another user's PNE, which PN GW #1 of that user confirms",
    { pne: GUEST_ID, 'pn-gw-2': LAPTOP_ID, 'pn-gw-1': HOME_ID, server: SERVER },
    { type: 'named', pnes: [GUEST_ID] },
    neighbours,
  ),
  establishment('establish-named', 'a PNE establishes a PN with one that it names', TOGETHER, { type: 'named', pnes: [BOARD_ID] }),
];

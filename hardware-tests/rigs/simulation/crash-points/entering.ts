import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { pairByCode } from '../device.js';
import { establish } from './establishing.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { BOARD_ID, household, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from './scene.js';

const never = (): AbortSignal => new AbortController().signal;

/** Somebody who brings the board into the PN of phone and laptop. */
interface Bringer {
  readonly who: Party;
  bring(scene: Scene, pnId: PnId): Promise<unknown>;
}

const BY_JOINING: Bringer = {
  who: BOARD_ID,
  bring: (scene, pnId) => scene.device(BOARD_ID).device.networks.join(pnId, undefined, never()),
};
const BY_REGISTERING: Bringer = {
  who: BOARD_ID,
  bring: (scene, pnId) => scene.device(BOARD_ID).device.networks.register(pnId, undefined, never()),
};
const invitedBy = (who: typeof LAPTOP_ID): Bringer => ({
  who,
  bring: (scene, pnId) => scene.device(who).device.networks.invite(BOARD_ID, pnId, never()),
});

async function established(): Promise<Scene> {
  const scene = await household();
  await establish(scene, { type: 'one-to-one' });
  await scene.clock.advance(5_000);
  return scene;
}

/** The PN that phone and laptop have had from the beginning. */
function pnOf(scene: Scene): PnId {
  const [record] = scene.device(LAPTOP_ID).device.state.pns();
  if (record === undefined) throw new Error('the laptop has no PN any more');
  return pnIdText(record.pnId);
}

/** In the PN at the server, at the PN GW, and in its own eyes. */
function isIn(scene: Scene, pnId: PnId): boolean {
  const listed =
    scene
      .device(LAPTOP_ID)
      .device.state.pn(pnId)
      ?.members.some(({ entityId }) => entityId === BOARD_ID) ?? false;
  const holds = scene.device(BOARD_ID).device.state.pn(pnId) !== undefined;
  return scene.server.database.reads.pns.member(pnId, BOARD_ID) !== undefined && listed && holds;
}

function begin(scene: Scene, { who, bring }: Bringer): Running {
  const told = new Map<Party, Told>();
  const pnId = pnOf(scene);
  tell(told, who, bring(scene, pnId));
  return { told, stands: () => isIn(scene, pnId) };
}

/** Whoever is in the PN leaves it with its pairing, and comes in again. */
async function again(scene: Scene, { bring }: Bringer): Promise<void> {
  const { clock } = scene;
  const pnId = pnOf(scene);
  if (isIn(scene, pnId)) {
    await clock.run(scene.device(LAPTOP_ID).device.unpair(BOARD_ID));
    await clock.advance(5_000);
    await pairByCode(clock, scene.device(LAPTOP_ID), scene.device(BOARD_ID));
    await clock.advance(5_000);
  }
  await clock.run(bring(scene, pnId));
  await clock.advance(2_000);
  if (!isIn(scene, pnId)) throw new Error('the board is not in the PN');
}

const SIDES: Flow['sides'] = { pne: BOARD_ID, 'pn-gw': LAPTOP_ID, server: SERVER };
const WITH_MEMBER: Flow['sides'] = { ...SIDES, 'other-pne': PHONE_ID };

const entry = (name: string, title: string, sides: Flow['sides'], bringer: Bringer): Flow => ({
  name,
  title,
  sides,
  lastsMs: 3_000,
  prepare: established,
  begin: (scene) => begin(scene, bringer),
  again: (scene) => again(scene, bringer),
});

export const ENTERING: readonly Flow[] = [
  entry('join', 'a PNE joins a PN that stands', WITH_MEMBER, BY_JOINING),
  entry('register-newcomer', 'a PNE that is no member registers in a PN', SIDES, BY_REGISTERING),
  entry('invite-by-pn-gw', 'a PN GW invites a PNE into its PN', SIDES, invitedBy(LAPTOP_ID)),
  entry('invite-by-pne', 'a member of a PN invites another PNE', WITH_MEMBER, invitedBy(PHONE_ID)),
];

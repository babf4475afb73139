import type { EntityId, SgId } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import { type Flow, type Running, type Told, tell } from './flow.js';
import { established } from './leaving.js';
import { BOARD_ID, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from './scene.js';

const never = (): AbortSignal => new AbortController().signal;

type Groups = SimulatedDevice['device']['groups'];

/** A leave waits 5 s for others (security 1.8). */
const LASTS_MS = 9_000;
/** A new key has reached every member by then. */
const SPREAD_MS = 10_000;

/** What somebody does about the only group in the scene. */
interface Deed {
  readonly who: EntityId;
  /** Members beside the phone, its owner, before it; undefined: there is no group yet. */
  readonly others: readonly EntityId[] | undefined;
  ask(groups: Groups, sgId: SgId): Promise<unknown>;
  /** Its effect, at the server and at everybody concerned. */
  stands(scene: Scene, sgId: SgId | undefined): boolean;
}

const create = (scene: Scene, members: readonly EntityId[]) =>
  scene.device(PHONE_ID).device.groups.create({ name: 'kitchen', members }, never());

/** The phone's group stands, and all is at rest. */
export async function withGroup(scene: Scene, others: readonly EntityId[]): Promise<Scene> {
  await scene.clock.run(create(scene, others));
  await scene.clock.advance(SPREAD_MS);
  const missing = [PHONE_ID, ...others].filter((id) => !isIn(scene, id, groupOf(scene)));
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} did not get into the group`);
  return scene;
}

export function groupOf({ server }: Scene): SgId {
  const [group] = server.database.reads.groups.list();
  if (group === undefined) throw new Error('there is no group');
  return group.sgId;
}

/** In that group (or any) at the server, and in its own eyes. */
function isIn(scene: Scene, id: EntityId, sgId?: SgId): boolean {
  const { groups } = scene.server.database.reads;
  const listed = groups.ofMember(id).filter((one) => sgId === undefined || one.sgId === sgId);
  return listed.some((one) => scene.device(id).device.state.groupKeys(one.sgId) !== undefined);
}

/** In no group at the server, and holding nothing of one. */
function isOut(scene: Scene, id: EntityId): boolean {
  const { state } = scene.device(id).device;
  return scene.server.database.reads.groups.ofMember(id).length === 0 && state.groups().length === 0;
}

function begin(scene: Scene, { who, others, ask, stands }: Deed): Running {
  const told = new Map<Party, Told>();
  const sgId = others === undefined ? undefined : groupOf(scene);
  tell(told, who, ask(scene.device(who).device.groups, sgId as SgId));
  return { told, stands: () => stands(scene, sgId) };
}

/** Whatever group there is ends, its members come together anew, and it is done once more. */
async function again(scene: Scene, { who, others, ask, stands }: Deed): Promise<void> {
  const { clock, server } = scene;
  for (const { sgId, owner } of server.database.reads.groups.list()) {
    if (owner === undefined) throw new Error(`${sgId} has no owner`);
    await clock.run(scene.device(owner).device.groups.release(sgId));
  }
  await clock.advance(SPREAD_MS);
  if (others !== undefined) await withGroup(scene, others);
  const sgId = others === undefined ? undefined : groupOf(scene);
  await clock.run(ask(scene.device(who).device.groups, sgId as SgId));
  await clock.advance(SPREAD_MS);
  if (!stands(scene, sgId)) throw new Error('it has no effect');
}

function groupFlow(name: string, title: string, sides: Flow['sides'], deed: Deed): Flow {
  const { others } = deed;
  return {
    name,
    title,
    sides,
    lastsMs: LASTS_MS,
    prepare: async () => {
      const scene = await established('all');
      return others === undefined ? scene : withGroup(scene, others);
    },
    begin: (scene) => begin(scene, deed),
    again: (scene) => again(scene, deed),
  };
}

const SIDES = { owner: PHONE_ID, 'pn-gw': LAPTOP_ID, server: SERVER };
const ALL = [BOARD_ID, LAPTOP_ID];

export const GROUPS: readonly Flow[] = [
  groupFlow(
    'group-create',
    'a PNE creates a group with another one, behind a PN GW that is not in it',
    { ...SIDES, member: BOARD_ID },
    {
      who: PHONE_ID,
      others: undefined,
      ask: (groups) => groups.create({ name: 'kitchen', members: [BOARD_ID] }, never()),
      stands: (scene) => isIn(scene, PHONE_ID),
    },
  ),
  groupFlow(
    'group-invite',
    'an owner invites a PNE into a group with the PN GW',
    { ...SIDES, invited: BOARD_ID },
    {
      who: PHONE_ID,
      others: [LAPTOP_ID],
      ask: (groups, sgId) => groups.invite(sgId, [BOARD_ID], never()),
      stands: (scene, sgId) => isIn(scene, BOARD_ID, sgId),
    },
  ),
  groupFlow(
    'group-join',
    'a PNE joins a group of its user',
    { ...SIDES, newcomer: BOARD_ID },
    {
      who: BOARD_ID,
      others: [LAPTOP_ID],
      ask: (groups, sgId) => groups.join(sgId, undefined, never()),
      stands: (scene, sgId) => isIn(scene, BOARD_ID, sgId),
    },
  ),
  groupFlow(
    'group-leave',
    'a member leaves a group of others',
    { ...SIDES, leaver: BOARD_ID },
    {
      who: BOARD_ID,
      others: ALL,
      ask: (groups, sgId) => groups.leave(sgId),
      stands: (scene) => isOut(scene, BOARD_ID),
    },
  ),
  groupFlow(
    'group-expel',
    'an owner expels a member',
    { ...SIDES, expelled: BOARD_ID },
    {
      who: PHONE_ID,
      others: ALL,
      ask: (groups, sgId) => groups.expel(sgId, [BOARD_ID]),
      stands: (scene) => isOut(scene, BOARD_ID),
    },
  ),
  groupFlow(
    'group-hand-over',
    'an owner hands its group over to another member',
    { ...SIDES, candidate: BOARD_ID },
    {
      who: PHONE_ID,
      others: ALL,
      ask: (groups, sgId) => groups.handOver(sgId, BOARD_ID, never()),
      stands: (scene, sgId) => sgId !== undefined && scene.server.database.reads.groups.find(sgId)?.owner === BOARD_ID,
    },
  ),
  groupFlow(
    'group-owner-leaves',
    'an owner leaves, and the server finds another one',
    { ...SIDES, member: BOARD_ID },
    {
      who: PHONE_ID,
      others: ALL,
      ask: (groups, sgId) => groups.leave(sgId),
      stands: (scene) => isOut(scene, PHONE_ID),
    },
  ),
  groupFlow(
    'group-release',
    'an owner releases a group',
    { ...SIDES, member: BOARD_ID },
    {
      who: PHONE_ID,
      others: ALL,
      ask: (groups, sgId) => groups.release(sgId),
      stands: (scene) => [PHONE_ID, BOARD_ID, LAPTOP_ID].every((id) => isOut(scene, id)),
    },
  ),
];

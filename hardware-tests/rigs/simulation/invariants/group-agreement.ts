import { GroupRoutes } from '@cpns/agent';
import { isGateway, type SharedObject } from '@cpns/shared/messages';
import { GROUP_KEY_NODE, toHex } from '@cpns/shared/security';
import type { SimulatedDevice } from '../device.js';
import { type Invariant, isTold, type World } from './world.js';

type Reads = World['server']['database']['reads'];
type GroupRecord = NonNullable<ReturnType<SimulatedDevice['device']['state']['group']>>;
type Group = ReturnType<Reads['groups']['list']>[number];
type Member = ReturnType<Reads['groups']['members']>[number];

/** The server, the members and the gateways have the same inventory of every service group, and all members the same Group Key. */
export const groupAgreement: Invariant = {
  name: 'service groups agree',
  violations: (world) => [
    ...world.server.database.reads.groups.list().flatMap((group) => disagreementsAbout(world, group)),
    ...world.devices.flatMap((device) => unfounded(world, device)),
  ],
};

/** The gateway through which a member is reached: for a PN GW that is one by itself, the member. */
function gatewayOf({ server }: World, { entityId, pnId }: Member) {
  return pnId === undefined ? entityId : server.database.reads.pns.find(pnId)?.gateway;
}

/** The members of a group that the server reaches. */
export function reachedMembers(world: World, sgId: Group['sgId']): (SimulatedDevice & { readonly member: Member })[] {
  const members = world.server.database.reads.groups.members(sgId);
  return world.devices.flatMap((device) => {
    const member = members.find(({ entityId }) => entityId === device.id);
    return member !== undefined && isReached(world, device, member) ? [{ ...device, member }] : [];
  });
}

/** Of a suspended PN, and without its gateway, nobody hears of a new epoch; nor does who came in as PN GW while another has that role. */
function isReached(world: World, device: SimulatedDevice, member: Member): boolean {
  const gateway = gatewayOf(world, member);
  if (gateway === undefined || (member.pnId === undefined && !isGateway(device.device.roles.mode))) return false;
  const isSuspended = member.pnId !== undefined && world.server.database.reads.pns.find(member.pnId)?.state === 'Suspended';
  return !isSuspended && isTold(world, device, gateway);
}

function disagreementsAbout(world: World, group: Group): string[] {
  const { sgId, owner, epoch } = group;
  const members = world.server.database.reads.groups.members(sgId);
  const ids = members.map(({ entityId }) => entityId).sort();
  const wrong: string[] = [];
  if (ids.length === 0) wrong.push(`${sgId} has no members`);
  const reached = reachedMembers(world, sgId);
  // Where nobody can be asked, a new owner is still looked for.
  if (owner === undefined && reached.length > 0) wrong.push(`${sgId} has no owner`);
  if (owner !== undefined && !ids.includes(owner)) wrong.push(`${owner} owns ${sgId} and is not in it`);
  const groupKeys = new Set<string>();
  for (const { id, device, member } of reached) {
    const record = device.state.group(sgId);
    const keys = device.state.groupKeys(sgId);
    if (record === undefined) wrong.push(`${id} is in ${sgId} and does not know it`);
    else if ([...record.members].sort().join() !== ids.join())
      wrong.push(`${id} believes ${record.members.join()} to be in ${sgId}, not ${ids.join()}`);
    if (record !== undefined) wrong.push(...wrongObjects(world, id, sgId, record));
    if (record !== undefined && record.owner !== owner) wrong.push(`${id} believes ${record.owner} to own ${sgId}, not ${owner}`);
    if (keys === undefined) wrong.push(`${id} has no key of ${sgId}`);
    else {
      if (keys.epoch !== BigInt(epoch)) wrong.push(`${id} has epoch ${keys.epoch} of ${sgId}, not ${epoch}`);
      if (keys.leaf !== member.leaf) wrong.push(`${id} has leaf ${keys.leaf} of ${sgId}, not ${member.leaf}`);
      const key = keys.keys.get(GROUP_KEY_NODE)?.key;
      if (key !== undefined) groupKeys.add(toHex(key.reveal()));
    }
  }
  if (groupKeys.size > 1) wrong.push(`${sgId} has ${groupKeys.size} Group Keys at once`);
  return [...wrong, ...wrongRoutes(world, sgId, members)];
}

/** Who may have an object knows of it, and who holds it hands it out. Those that end by themselves are left out. */
function wrongObjects({ server }: World, id: string, sgId: Group['sgId'], { objects = [], shared = [] }: GroupRecord): string[] {
  const listed = server.database.reads.groups
    .objects(sgId)
    .filter(({ holder, members }) => holder === id || (members?.some((member) => member === id) ?? true));
  const names = (all: readonly SharedObject[]) =>
    all.flatMap(({ holder, name, untilMs }) => (untilMs === undefined ? [`${name} of ${holder}`] : [])).sort();
  const own = listed.filter(({ holder }) => holder === id);
  return [
    ...(names(listed).join() === names(objects).join()
      ? []
      : [`${id} knows of ${names(objects).join()} in ${sgId}, not ${names(listed).join()}`]),
    ...own.filter((object) => !shared.includes(object.id)).map(({ name }) => `${id} does not hand out ${name}, which ${sgId} is offered`),
  ];
}

/** Each gateway knows which of its members are where in the tree. */
function wrongRoutes(world: World, sgId: Group['sgId'], members: readonly Member[]): string[] {
  const seat = (entity: string, leaf: number) => `${entity} at ${leaf}`;
  return world.devices.flatMap((device) => {
    const behind = members.filter((member) => gatewayOf(world, member) === device.id);
    if (!isTold(world, device, device.id)) return [];
    const expected = behind.map(({ entityId, leaf }) => seat(entityId, leaf)).sort();
    const routes = new GroupRoutes(device.device.state).all().find((route) => route.sgId === sgId)?.members ?? [];
    const own = routes.map(({ entity, leaf }) => seat(entity, leaf)).sort();
    return own.join() === expected.join() ? [] : [`${device.id} carries ${sgId} for ${own.join()}, not ${expected.join()}`];
  });
}

/** What a device believes to be in although the server does not say so. */
function unfounded(world: World, self: SimulatedDevice): string[] {
  const { groups, pns } = world.server.database.reads;
  return self.device.state.groups().flatMap((record) => {
    const sgId = toHex(record.sgId) as Group['sgId'];
    if (groups.members(sgId).some(({ entityId }) => entityId === self.id)) return [];
    const pnId = record.pnId && (toHex(record.pnId) as Parameters<typeof pns.find>[0]);
    const gateway = pnId === undefined ? self.id : self.device.state.pn(pnId)?.gateway;
    const canKnow = gateway === undefined || isTold(world, self, gateway);
    return canKnow ? [`${self.id} believes to be in ${sgId}`] : [];
  });
}

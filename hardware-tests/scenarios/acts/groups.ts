import type { ControlParams, ControlResult, GroupAsked, GroupReport } from '@cpns/agent';
import type { PnId, SgId } from '@cpns/shared';
import type { DeviceHandle, DeviceSetup, ServerHandle } from '../../rigs/rig.js';
import { LAPTOP, PHONE } from '../profiles.js';
import type { Telling } from '../scenario.js';
import { create } from './household.js';
import { elected, established, probed, settled } from './look.js';
import { pairByCode, type Seat } from './pair.js';
import { arrives, timesAtServer, timesShown } from './talk.js';

/** The members have 60 s to answer, and whoever is asked hears of it within 75 s (protocol 0.3). */
const ASKED_MS = 120_000;
/** A leave waits for others up to 5 s, an expulsion 100 ms (security 1.8); then the new key goes round. */
const REKEYED_MS = 30_000;
/** What was not shown by then does not come any more. */
const SILENCE_MS = 2_000;

const sorted = (ids: readonly string[]) => [...ids].sort().join();
const idsOf = (devices: readonly Seat[]) => sorted(devices.map(({ id }) => id));

export async function groups(device: Seat): Promise<readonly GroupReport[]> {
  return (await device.request('group.show', {})).groups;
}

export async function group(device: Seat, sgId: SgId): Promise<GroupReport | undefined> {
  return (await groups(device)).find((one) => one.sgId === sgId);
}

/** Creates a service group. @throws CpnsError as the agent reports */
export function createGroup(owner: Seat, params: ControlParams<'group.create'>): Promise<GroupAsked> {
  return owner.request('group.create', params, { timeoutMs: ASKED_MS });
}

export const leaveGroup = (device: Seat, sgId: SgId) => device.request('group.leave', { group: sgId }, { timeoutMs: ASKED_MS });
export const joinGroup = (device: Seat, sgId: SgId): Promise<{ readonly group: GroupReport }> =>
  device.request('group.join', { group: sgId }, { timeoutMs: ASKED_MS });
export const releaseGroup = (device: Seat, sgId: SgId) => device.request('group.release', { group: sgId }, { timeoutMs: ASKED_MS });
export const inviteToGroup = (owner: Seat, sgId: SgId, invited: Seat): Promise<GroupAsked> =>
  owner.request('group.invite', { group: sgId, members: [invited.id] }, { timeoutMs: ASKED_MS });
export const expelFromGroup = (owner: Seat, sgId: SgId, expelled: Seat) =>
  owner.request('group.expel', { group: sgId, members: [expelled.id] }, { timeoutMs: ASKED_MS });
export const handOver = (owner: Seat, sgId: SgId, candidate: Seat): Promise<{ readonly group: GroupReport }> =>
  owner.request('group.owner', { group: sgId, candidate: candidate.id }, { timeoutMs: ASKED_MS });

/** A group as it should be. */
export interface ExpectedGroup {
  readonly sgId: SgId;
  readonly owner: Seat;
  /** The owner is one of them. */
  readonly members: readonly Seat[];
  /** The Group Key is newer than that of this epoch. */
  readonly newerThan?: number;
}

/** Waits until the server and every member see the group as it should be, with the same epoch and its key; gives the epoch. */
export async function together(t: Telling, expected: ExpectedGroup, withinMs = REKEYED_MS): Promise<number> {
  const { sgId, owner, members, newerThan = 0 } = expected;
  const ids = idsOf(members);
  return t.eventually(
    `${ids.replaceAll(',', ', ')} are in the group of ${owner.id}, all with its present key`,
    async () => {
      const atServer = await t.stage.server.admin.showGroup(sgId);
      const { epoch } = atServer;
      if (epoch <= newerThan || atServer.owner !== owner.id || sorted(atServer.members.map(({ entityId }) => entityId)) !== ids)
        return false;
      for (const member of members) {
        const own = await group(member, sgId);
        const agrees = own?.epoch === epoch && own.owner === owner.id && sorted(own.members) === ids;
        if (!agrees || own.keys !== 'current' || !own.maySend) return false;
      }
      return epoch;
    },
    withinMs,
  );
}

/** Waits until those members, of others that may be away, have the present key. */
export async function keyed(t: Telling, sgId: SgId, members: readonly Seat[], withinMs = REKEYED_MS): Promise<void> {
  await t.eventually(
    `${idsOf(members).replaceAll(',', ', ')} have the present key`,
    async () => {
      const { epoch } = await t.stage.server.admin.showGroup(sgId);
      for (const member of members) {
        const own = await group(member, sgId);
        if (own?.epoch !== epoch || own.keys !== 'current' || !own.maySend) return false;
      }
      return true;
    },
    withinMs,
  );
}

/** Waits until a device has nothing of a group any more, and cannot send to it. */
export async function outOfGroup(t: Telling, device: Seat, sgId: SgId, withinMs = REKEYED_MS): Promise<void> {
  await t.eventually(`${device.id} is not in the group`, async () => (await group(device, sgId)) === undefined, withinMs);
  await t.fails(`${device.id} cannot send to it`, sendToGroup(device, sgId, 'a last word'), 'NotInGroup');
}

/** Nobody has kept anything of a group. */
export async function groupGone(t: Telling, server: ServerHandle, sgId: SgId, devices: readonly Seat[], withinMs?: number): Promise<void> {
  const isKnown = async () => (await server.admin.listGroups()).some((one) => one.sgId === sgId);
  await t.eventually('the server has that group no more', async () => !(await isKnown()), withinMs);
  for (const device of devices) await outOfGroup(t, device, sgId, withinMs);
}

/** Sends to a service group. @throws CpnsError State/NotInGroup, State/GroupSilent */
export function sendToGroup(from: Seat, sgId: SgId, text: string): Promise<ControlResult<'send'>> {
  return from.request('send', { to: { kind: 'group', group: sgId }, channel: 'chat', payload: Buffer.from(text).toString('base64') });
}

/** One member says something; all others are shown it, once, and neither it nor anybody in `deaf`, nor the server's services. */
export async function tellsGroup(
  t: Telling,
  from: DeviceHandle,
  sgId: SgId,
  text: string,
  others: readonly DeviceHandle[],
  deaf: readonly DeviceHandle[] = [],
): Promise<void> {
  await sendToGroup(from, sgId, text);
  for (const other of others) {
    await arrives(t, other, text);
    const heard = other.heard.find((event) => event.type === 'message' && event.payload === Buffer.from(text).toString('base64'));
    t.same(`${other.id} knows from whom and to which group`, heard?.type === 'message' && [heard.from, heard.group], [from.id, sgId]);
  }
  t.same('the server was not told', timesAtServer(t.stage.server, text), 0);
  if (deaf.length === 0) return;
  await t.steadily(`${idsOf(deaf)} is not shown "${text}"`, SILENCE_MS, async () => deaf.every((one) => timesShown(one, text) === 0));
}

/** What was said while a device was away is shown to it now: in order, once, as something that comes late. */
export async function saidMeanwhile(t: Telling, device: DeviceHandle, sgId: SgId, texts: readonly string[]): Promise<void> {
  for (const text of texts) await arrives(t, device, text);
  const late = device.heard.flatMap((event) =>
    event.type === 'message' && event.group === sgId && event.sentAtWallMs !== undefined
      ? [Buffer.from(event.payload, 'base64').toString()]
      : [],
  );
  t.same(`${device.id} is shown what was said meanwhile, in order and once`, late, texts);
}

/** Every member says something to all others. */
export async function allTalk(t: Telling, sgId: SgId, members: readonly DeviceHandle[], when: string, deaf: readonly DeviceHandle[] = []) {
  for (const from of members) {
    const others = members.filter((other) => other !== from);
    await tellsGroup(t, from, sgId, `${from.id} to the group, ${when}`, others, deaf);
  }
}

/** Who of them has become the owner of the group. */
export function newOwner(t: Telling, sgId: SgId, candidates: readonly DeviceHandle[]): Promise<DeviceHandle> {
  return t.eventually('one of those who stay is the owner', async () => {
    const { owner } = await t.stage.server.admin.showGroup(sgId);
    return candidates.find(({ id }) => id === owner);
  });
}

/** Two gateways of one person, each with a PN and one PNE. */
export interface TwoHomes {
  readonly laptop: DeviceHandle;
  readonly phone: DeviceHandle;
  readonly den: DeviceHandle;
  readonly tablet: DeviceHandle;
  /** Of laptop and phone. */
  readonly laptopPn: PnId;
  /** Of den and tablet. */
  readonly denPn: PnId;
}

type HomeSetups = Partial<Record<'laptop' | 'phone' | 'den' | 'tablet', DeviceSetup>>;

/** Laptop and den are PN GWs; the phone is in a PN with the laptop, the tablet in one with the den. */
export async function twoHomes(t: Telling, setups: HomeSetups = {}): Promise<TwoHomes> {
  t.step('Laptop and den, phone and tablet are enrolled and start.');
  const [laptop, phone, den, tablet] = await Promise.all([
    t.stage.device('laptop', { profile: LAPTOP, ...setups.laptop }),
    t.stage.device('phone', { profile: PHONE, ...setups.phone }),
    t.stage.device('den', { profile: LAPTOP, ...setups.den }),
    t.stage.device('tablet', { profile: PHONE, ...setups.tablet }),
  ]);
  await probed(t, [laptop, phone, den, tablet]);
  const pns: PnId[] = [];
  for (const [gateway, pne] of [
    [laptop, phone],
    [den, tablet],
  ] as const) {
    t.step(`The ${gateway.id} pairs with the ${pne.id}, and they have a PN.`);
    await pairByCode(gateway, pne);
    await elected(t, gateway, [pne]);
    await settled(t, gateway, [pne]);
    const { pn } = await create(pne, { setup: '1-1' });
    await established(t, t.stage.server, { pnId: pn.pnId, gateway, pnes: [pne] });
    pns.push(pn.pnId);
  }
  const [laptopPn, denPn] = pns as [PnId, PnId];
  return { laptop, phone, den, tablet, laptopPn, denPn };
}

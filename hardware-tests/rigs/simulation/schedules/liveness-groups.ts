import type { SgId } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import { reachedMembers } from '../invariants/group-agreement.js';
import { why } from './attempt.js';
import type { Playground } from './playground.js';

/** A message that was sent is there; a link that lost something is set up anew; a session that a restart ended is noticed by its silence. */
const HEARD_MS = [2_000, 10_000, 30_000];
const PAUSE_MS = 10_000;

/** What members of service groups cannot do once there are no more faults: hear one another and nobody else, leave, and come back. In sentences. */
export async function hinderedInGroups(ground: Playground): Promise<string[]> {
  const wrong: string[] = [];
  for (const { sgId } of ground.server.database.reads.groups.list()) {
    const members = reachedMembers(ground.world, sgId);
    for (const from of members) wrong.push(...(await isNotHeard(ground, sgId, from, members)));
    wrong.push(...overheard(ground, sgId));
  }
  return wrong.length > 0 ? wrong : await cannotLeaveAndComeBack(ground);
}

/** Whoever is not in the group has been shown what was said there. */
function overheard({ server, running }: Playground, sgId: SgId): string[] {
  const { groups } = server.database.reads;
  const others = [...running.values()].filter(({ id }) => groups.member(sgId, id) === undefined);
  const heard = others.filter(({ received }) => received.some(({ data }) => Buffer.from(data.payload).toString().endsWith(`to ${sgId}`)));
  return heard.map(({ id }) => `${id} is not in ${sgId} and hears what is said there`);
}

/** Messages to groups go out once: whoever is not heard, or may not send yet, says it again. */
async function isNotHeard(
  { clock }: Playground,
  sgId: SgId,
  from: SimulatedDevice,
  members: readonly SimulatedDevice[],
): Promise<string[]> {
  const text = `${from.id} to ${sgId}`;
  const message = { channel: 'c', contentType: 'text/plain', payload: Buffer.from(text), pnId: undefined, to: { sgId } };
  const hears = ({ received }: SimulatedDevice) => received.some(({ data }) => Buffer.from(data.payload).toString() === text);
  let deaf = members.filter((member) => member !== from);
  let unsent: string | undefined;
  for (const waitMs of HEARD_MS) {
    if (deaf.length === 0) break;
    unsent = await why(clock, from.device.messenger.queue(message));
    await clock.advance(waitMs);
    deaf = deaf.filter((member) => !hears(member));
  }
  return deaf.map(({ id }) => `${id} does not hear ${from.id} in ${sgId}: ${unsent ?? 'it was sent'}`);
}

/** The first who may leave a group in which its owner is reached does so, and is invited again. */
async function cannotLeaveAndComeBack(ground: Playground): Promise<string[]> {
  const { clock, server } = ground;
  for (const { sgId, owner: ownerId } of server.database.reads.groups.list()) {
    const members = reachedMembers(ground.world, sgId);
    const owner = members.find(({ id }) => id === ownerId);
    const leaver = members.find((member) => member !== owner);
    if (owner === undefined || leaver === undefined) continue;
    const { id, device } = leaver;
    const left = await whyStill(clock, () => device.groups.leave(sgId), 'NotInGroup');
    if (left !== undefined) return [`${id} cannot leave ${sgId}: ${left}`];
    const invited = await whyStill(clock, () => owner.device.groups.invite(sgId, [id], new AbortController().signal), 'AlreadyMember');
    return invited === undefined ? [] : [`${owner.id} cannot invite ${id} into ${sgId} again: ${invited}`];
  }
  return [];
}

/** As {@link why}: whoever is told that the outcome is unknown asks again; `done`: what says that it was done. */
async function whyStill(clock: Playground['clock'], attempt: () => Promise<unknown>, done: string): Promise<string | undefined> {
  const first = await why(clock, attempt());
  if (!first?.startsWith('OutcomeUnknown')) return first;
  await clock.advance(PAUSE_MS);
  const second = await why(clock, attempt());
  return second?.startsWith(done) ? undefined : second;
}

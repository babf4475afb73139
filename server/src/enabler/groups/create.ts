import type { EntityId, SgId } from '@cpns/shared';
import { type BodyOf, Status, type sgCreateRequest, sgCreateResponse } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Tx } from '../../inventory/database.js';
import type { SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { type Answer, answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { changeGroup, type Entrant } from './change.js';
import { type Invited, inviteAll } from './consent.js';
import { infoOf } from './discover.js';
import { requireOwnObject, requireRoomForObjects } from './object-changes.js';
import { entrantOf, pnOf, sessionOf } from './place.js';

const SG_ID_OCTETS = 16;

/**
 * SGCreateRequest (seed 000 7.y.1): everybody named is asked first; with those who agree the group and its Group Key are made in one
 * transaction. Of whoever was named somebody has to agree.
 */
export async function createGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgCreateRequest>>): Promise<void> {
  const { inventory, entropy, limits } = context;
  const { body, sender } = incoming;
  const session = sessionOf(incoming);
  limits.request(sender);
  const name = body.name.trim();
  if (name === '') throw refuse(Status.BadMessage, 'NoName', 'A service group needs a name.');
  for (const { holder } of body.objects) requireOwnObject(sender, holder);
  if (inventory.reads.groups.ofMember(sender).length >= context.settings.limits.groupsPerDevice) {
    throw refuse(Status.Busy, 'TooManySgs', `${sender} is in as many service groups as it may be (limits.groupsPerDevice).`);
  }
  const named = [...new Set(body.members)].filter((entityId) => entityId !== sender);
  const sgId = toHex(entropy.bytes(SG_ID_OCTETS)) as SgId;

  const isWanted = () => incoming.isWanted && entrantOf(inventory.reads, sender, pnOf(session)) !== undefined;
  const asked = await incoming.pendingWhile(inviteAll(context, { sgId, name, owner: sender }, session, named, isWanted));
  if (named.length > 0 && asked.every(({ status }) => status !== Status.Success)) {
    return incoming.conclude(() => answer(sgCreateResponse, { status: Status.Rejected, outcomes: outcomesOf(asked) }));
  }
  await incoming.conclude((tx) => found(context, tx, { ...body, name }, sgId, { entityId: sender, pnId: pnOf(session) }, asked));
}

function found(
  context: EnablerContext,
  tx: Tx,
  { name, serviceId, objects, open = false }: BodyOf<typeof sgCreateRequest>,
  sgId: SgId,
  { entityId: owner, pnId }: Omit<Entrant, 'gateway'>,
  asked: readonly Invited[],
): Answer {
  const ownerUser = tx.devices.find(owner)?.userId;
  // Whoever said yes may have left its PN meanwhile, and the founder, too.
  const founder = entrantOf(tx, owner, pnId);
  if (founder === undefined || ownerUser === undefined) throw refuse(Status.NotMember, 'NotMember', `${owner} left the PN meanwhile.`);
  const room = context.settings.limits.groupsPerDevice;
  const settled = asked.map((invited): Invited => {
    if (invited.entrant === undefined) return invited;
    const entrant = entrantOf(tx, invited.pne, invited.entrant.pnId);
    if (entrant === undefined) return { pne: invited.pne, status: Status.NotMember };
    return tx.groups.ofMember(invited.pne).length < room ? { ...invited, entrant } : { pne: invited.pne, status: Status.Busy };
  });
  const add = [founder, ...settled.flatMap(({ entrant }) => entrant ?? [])];
  const created = tx.groups.create({ sgId, name, owner, ownerUser, serviceId, open, objects });
  requireRoomForObjects(tx, sgId, owner);
  tx.events.add({ event: 'group-created', text: `${owner} made the service group "${name}" (${sgId}).`, entityId: owner, pnId });
  const group = changeGroup(context, tx, created, { add, remove: [], reason: 'joined' }) as SgRecord;
  const status = add.length === asked.length + 1 ? Status.Success : Status.PartialSuccess;
  // Who made it knows its objects.
  const { objects: _, ...info } = infoOf(tx, group, owner, true);
  return answer(sgCreateResponse, { status, group: info, outcomes: outcomesOf(settled) });
}

export function outcomesOf(invited: readonly Invited[]): { pne: EntityId; status: Status }[] {
  return invited.map(({ pne, status }) => ({ pne, status }));
}

import type { EntityId, SgId } from '@cpns/shared';
import {
  Addressee,
  type BodyOf,
  decodeEnvelope,
  encodeEnvelope,
  groupKeyDelivery,
  groupKeyResyncResponse,
  MAX_UPLINK_ENVELOPE,
  pnDataContent,
  refusal,
  Status,
  toOctets,
} from '@cpns/shared/messages';
import { nativeProvider as provider } from '@cpns/shared/node';
import { fromHex, GroupKey, GroupMessages } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { BOARD_ID, LAPTOP_ID, never, PHONE_ID } from '../simulation/household.js';
import { begun, member, type Place } from './places.js';

/** A household in a PN, and the service group of its board that is asked about. */
export interface GroupPlace extends Place {
  readonly sgId: SgId;
}

/** A leave waits so long for others, and everybody has the new key then. */
const REKEYED_MS = 8_000;
const KEYED_MS = 1_000;

/** A group of the board, and of those whom it asks one after the other. */
export async function boards(others: readonly EntityId[], asked: readonly EntityId[] = []): Promise<GroupPlace> {
  const place = await member(asked);
  const { clock, board, server } = place.on.home;
  await clock.run(board.device.groups.create({ name: 'kitchen', members: [] }, never()));
  const [group] = server.database.reads.groups.ofMember(BOARD_ID);
  const sgId = group?.sgId as SgId;
  for (const id of others) await invited({ ...place, sgId }, id);
  return { ...place, sgId };
}

async function invited({ on, sgId }: GroupPlace, id: EntityId): Promise<void> {
  const { clock, board } = on.home;
  await clock.run(board.device.groups.invite(sgId, [id], never()));
  await clock.advance(KEYED_MS);
}

/** The phone sees the question of the board's group. */
export async function phoneAsked(): Promise<GroupPlace> {
  const place = await boards([LAPTOP_ID], [PHONE_ID]);
  await begun(place.on, place.on.home.board.device.groups.invite(place.sgId, [PHONE_ID], never()));
  return place;
}

/** The phone is in, and the server is too busy to give it the keys. */
export async function phoneKeyless(): Promise<GroupPlace> {
  const place = await boards([LAPTOP_ID]);
  const busy = encodeEnvelope(refusal, new Uint8Array(16), '', { status: Status.Busy });
  const { body } = decodeEnvelope(busy, MAX_UPLINK_ENVELOPE);
  place.on.parties.server.instead = {
    of: groupKeyResyncResponse.number,
    number: refusal.number,
    body: new Map(body as Map<number, never>),
  };
  await invited(place, PHONE_ID);
  return place;
}

export async function phoneLeft(): Promise<GroupPlace> {
  const place = await boards([LAPTOP_ID, PHONE_ID]);
  const { clock, phone } = place.on.home;
  await clock.run(phone.device.groups.leave(place.sgId));
  await clock.advance(REKEYED_MS);
  return place;
}

/** The last part of a rekey that the server has signed. */
export function lastPart({ on }: GroupPlace): BodyOf<typeof groupKeyDelivery> {
  const told = on.parties.server.said.findLast(({ number }) => number === groupKeyDelivery.number);
  if (told === undefined) throw new Error('there was no rekey');
  return groupKeyDelivery.body.decode(told.body, groupKeyDelivery.name);
}

/** A message as that device would seal it, under a key that is not the group's unless one is given. */
export function sealedBy(from: EntityId, sgId: SgId, epoch: bigint, key: Uint8Array = new Uint8Array(32).fill(6)): Uint8Array {
  const entropy = new InsecureSeededEntropy('what is sealed in a group');
  const messages = new GroupMessages(fromHex(sgId), { provider, entropy, self: from, bootCounter: 1 });
  messages.install({ epoch, key: new GroupKey('Group Key', key.slice()), graceMs: 0 }, 0);
  const to = { to: Addressee.Group, group: fromHex(sgId) };
  const data = { id: entropy.bytes(16), from, ...to, channel: 'c', contentType: 't', payload: new Uint8Array(9) };
  return messages.seal(toOctets(pnDataContent, { data }), 0);
}

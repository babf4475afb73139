import type { EntityId, SgId } from '@cpns/shared';
import { GROUP_KEY_NODE, toHex } from '@cpns/shared/security';
import type { VirtualClock } from '@cpns/shared/testing';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import type { SimulatedServer } from '../../rigs/simulation/server.js';
import { never } from './household.js';

/** A new key has reached every member by then: a leave waits 5 s for others (security 1.8). */
export const SPREAD_MS = 10_000;
const HEARD_MS = 2_000;

interface World {
  readonly clock: VirtualClock;
  readonly server: SimulatedServer;
}

/** So many are asked by one request. */
const ASKED_AT_ONCE = 250;

/** A group of `owner` with `others`, once all of them have its key. */
export async function groupOf({ clock, server }: World, owner: SimulatedDevice, others: readonly SimulatedDevice[]): Promise<SgId> {
  const { groups } = owner.device;
  const ids = others.map(({ id }) => id);
  await clock.run(groups.create({ name: 'kitchen', members: ids.slice(0, ASKED_AT_ONCE) }, never()));
  const [group] = server.database.reads.groups.ofMember(owner.id);
  if (group === undefined) throw new Error('there is no group');
  for (let from = ASKED_AT_ONCE; from < ids.length; from += ASKED_AT_ONCE) {
    await clock.run(groups.invite(group.sgId, ids.slice(from, from + ASKED_AT_ONCE), never()));
  }
  await clock.advance(SPREAD_MS);
  return group.sgId;
}

/** The Group Key that a device holds, in hex. */
export function groupKey({ device }: SimulatedDevice, sgId: SgId): string | undefined {
  const key = device.state.groupKeys(sgId)?.keys.get(GROUP_KEY_NODE)?.key;
  return key && toHex(key.reveal());
}

/** A device says something to its group; gives who was shown it. */
export async function whoHears(
  { clock }: Pick<World, 'clock'>,
  from: SimulatedDevice,
  sgId: SgId,
  among: readonly SimulatedDevice[],
): Promise<EntityId[]> {
  const text = `${from.id} at ${clock.monotonicMs()}`;
  const message = { channel: 'c', contentType: 't', payload: new TextEncoder().encode(text) };
  await clock.run(from.device.messenger.queue({ ...message, to: { sgId }, pnId: undefined }));
  await clock.advance(HEARD_MS);
  return among.filter(({ received }) => received.some(({ data }) => new TextDecoder().decode(data.payload) === text)).map(({ id }) => id);
}

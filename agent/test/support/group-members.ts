import { entityId, type PnId } from '@cpns/shared';
import { Addressee, type ApplicationData, pnDataContent, sgMemberChangeNotification, toOctets } from '@cpns/shared/messages';
import { GroupKey, GroupMessages, groupKeyOf, nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { type Changes, DeviceState, PnRole, PnState, pnIdOctets } from '../../src/entity/device-state.js';
import { GroupAtServer, MemberRig, PN_ID, SG, SG_ID } from './member-rig.js';

export const phone = entityId('phone');
export const board = entityId('board');

/** A device that was let in and has its keys. */
export async function member(name = 'board', group = new GroupAtServer(), clock?: MemberRig['clock']): Promise<MemberRig> {
  const rig = await MemberRig.make(name, group, clock);
  if (!group.leaves.has(name)) group.change([name]);
  await rig.serve(sgMemberChangeNotification, {
    sgId: SG,
    owner: phone,
    add: [entityId(name)],
    remove: [],
    name: 'kitchen',
    epoch: Number(group.epoch),
  });
  await rig.clock.advance(0);
  return rig;
}

/** Two members of one group. */
export async function pair() {
  const group = new GroupAtServer();
  group.change(['phone', 'board']);
  const one = await member('phone', group);
  return { group, phone: one, board: await member('board', group, one.clock) };
}

/** A device in those PNs, in none of which it is in a group. */
export async function inPns(pnIds: readonly PnId[] = [PN_ID], role: (typeof PnRole)[keyof typeof PnRole] = PnRole.Pne): Promise<MemberRig> {
  const rig = await MemberRig.make('board', new GroupAtServer());
  const changes: Changes = new Map();
  for (const pnId of pnIds) {
    DeviceState.setPn(changes, {
      pnId: pnIdOctets(pnId),
      role,
      state: PnState.Established,
      gateway: entityId('laptop'),
      inventoryVersion: 1,
      members: [],
      pnKeyEpoch: 1,
    });
  }
  await rig.state.commit(changes);
  return rig;
}

export const heartbeatOf = (epoch: bigint | undefined) => ({
  serverTimeMs: 0,
  pns: [],
  sgs: epoch === undefined ? [] : [{ sgId: SG, epoch: Number(epoch) }],
  serverKeysHash: new Uint8Array(32),
});

export function message(from: string, text: string, id = 1): ApplicationData {
  const payload = new TextEncoder().encode(text);
  return {
    id: new Uint8Array(16).fill(id),
    from: entityId(from),
    to: Addressee.Group,
    group: SG,
    channel: 'x',
    contentType: 'text/plain',
    payload,
  };
}

/** Seals what an insider likes under the Group Key of `rig`, as its message. */
export function forged(rig: MemberRig, data: ApplicationData, key?: Uint8Array): Uint8Array {
  const keys = groupKeyOf(rig.state.groupKeys(SG_ID) as NonNullable<ReturnType<DeviceState['groupKeys']>>);
  const forger = new GroupMessages(SG, {
    provider: nobleProvider,
    entropy: new InsecureSeededEntropy(`forger of ${new TextDecoder().decode(data.payload)}`),
    self: entityId(rig.name),
    bootCounter: 9,
    current: { epoch: 1n, key: new GroupKey('key', key ?? keys.reveal()) },
  });
  return forger.seal(toOctets(pnDataContent, { data }), 0);
}

import { type EntityId, entityId, type SgId } from '@cpns/shared';
import { ack, type BodyOf, bodyOf, groupKeyAck, Status, sgData, sgDataAnswer, sgKeptMessages } from '@cpns/shared/messages';
import { fromHex, GroupKey, GroupMessages } from '@cpns/shared/security';
import { type GatewayDouble, PneDouble } from './devices.js';
import { type GroupDevice, grouped, relay, twoHomes } from './group-devices.js';
import { type Changes, provider, Rig } from './rig.js';

export const ANSWER_LIMIT_MS = 4_000;

/** Phone, the owner, and board behind the one PN GW; radio behind the other, which is a member itself. */
export async function inOneGroup(changes: Changes = {}) {
  const rig = new Rig(changes);
  rig.hasGroups = true;
  await rig.user();
  const homes = await twoHomes(rig);
  const { west, east, phone, board, radio, gate } = homes;
  const sgId = await grouped(phone, [board, radio, gate]);
  let boots = 0;
  /** Seals a message under the key that a member holds, or `key` of `epoch`. */
  const sealed = (from: GroupDevice, text: string, epoch = from.epoch(sgId), key = from.groupKey(sgId) ?? '') => {
    const { entropy } = rig;
    const current = { epoch: BigInt(epoch), key: new GroupKey('Group Key', fromHex(key)) };
    const messages = new GroupMessages(fromHex(sgId), { provider, entropy, self: from.entityId, bootCounter: ++boots, current });
    return messages.seal(new TextEncoder().encode(text), 0);
  };
  const send = (from: GroupDevice, message: Uint8Array, missing?: readonly EntityId[]) =>
    from.gateway.notify(sgData, { sgId: fromHex(sgId), from: from.entityId, message, ...(missing && { missing: [...missing] }) });
  const say = (from: GroupDevice, text: string, missing?: readonly EntityId[]) => send(from, sealed(from, text), missing);
  /** A PN GW says what became of the messages that it has. */
  const answer = async (gateway: GatewayDouble, missing: readonly EntityId[] = []) => {
    for (const envelope of gateway.takeEnvelopes(sgData)) await gateway.answer(envelope, sgDataAnswer, { missing: [...missing] });
    await rig.settle();
  };
  /** For whom how many messages are kept. */
  const waiting = () =>
    Object.fromEntries(
      [phone, board, radio, gate].flatMap(({ entityId: member }) => {
        const messages = rig.db.reads.kept.next(sgId, member, 1_000, 1_000_000)?.messages.length ?? 0;
        return messages === 0 ? [] : [[member as string, messages]];
      }),
    );
  /** A member says that it is there. */
  const signOfLife = async (member: GroupDevice) => {
    await member.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: member.epoch(sgId) });
    await rig.settle();
  };
  const rekey = () => relay([west, east], [phone, board, radio, gate]);
  return { rig, ...homes, sgId, sealed, send, say, answer, waiting, signOfLife, rekey };
}

/** What a member is given, and stores. */
export async function stored(
  { rig, device, pnId }: GroupDevice,
  status: Status = Status.Success,
): Promise<BodyOf<typeof sgKeptMessages>[]> {
  const given = device.takeEnvelopes(sgKeptMessages);
  for (const envelope of given) {
    if (device instanceof PneDouble) await device.answer(pnId as never, envelope, ack, { status });
    else await device.answer(envelope, ack, { status });
  }
  await rig.settle();
  return given.map((envelope) => bodyOf(envelope, sgKeptMessages));
}

/** The texts of messages, opened with a key. */
export function texts(sgId: SgId, key: Uint8Array | string, { epoch, messages }: BodyOf<typeof sgKeptMessages>): string[] {
  const octets = typeof key === 'string' ? fromHex(key) : key;
  const opener = new GroupMessages(fromHex(sgId), {
    provider,
    entropy: { bytes: (length) => new Uint8Array(length) },
    self: entityId('reader'),
    bootCounter: 1,
    current: { epoch: BigInt(epoch), key: new GroupKey('Group Key', octets) },
  });
  return messages.map(({ message }) => new TextDecoder().decode(opener.open(message, 0).content));
}

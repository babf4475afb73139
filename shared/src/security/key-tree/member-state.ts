import { CpnsError } from '../../errors.js';
import { decodeCbor, encodeCbor } from '../../messages/cbor.js';
import { bytes, field, list, struct, uint } from '../../messages/schema.js';
import { readU64be, u64be } from '../bytes.js';
import { GroupKey } from '../group-message.js';
import { GROUP_KEY_NODE } from '../group-record.js';
import { Secret } from '../secret.js';
import { HEIGHT_MAX } from './nodes.js';

export interface HeldKey {
  readonly version: number;
  readonly key: Secret;
}

/** What a member knows of its group's keys in one epoch: its leaf key (GKDK), its path up to the root (GKEK), and the Group Key. */
export interface MemberState {
  readonly leaf: number;
  readonly epoch: bigint;
  /** By node number, that of the leaf and of the Group Key included. */
  readonly keys: ReadonlyMap<number, HeldKey>;
}

const record = struct({
  leaf: field(1, uint(0xff_ffff)),
  epoch: field(2, bytes(8)),
  keys: field(
    3,
    list(struct({ node: field(1, uint(0xffff_ffff)), version: field(2, uint(0xffff_ffff)), key: field(3, bytes(32)) }), HEIGHT_MAX + 2, 2),
  ),
});

/** A copy of the Group Key, to be used for messages. @throws CpnsError State/BadRecord */
export function groupKeyOf({ keys }: MemberState): GroupKey {
  const held = keys.get(GROUP_KEY_NODE);
  if (held === undefined) throw badRecord();
  return new GroupKey(held.key.label, held.key.reveal());
}

/** For the file of keys. The octets are as secret as the keys. */
export function encodeMemberState({ leaf, epoch, keys }: MemberState): Uint8Array {
  const held = [...keys].map(([node, { version, key }]) => ({ node, version, key: key.reveal() }));
  return encodeCbor(record.encode({ leaf, epoch: u64be(epoch), keys: held }));
}

/** @throws CpnsError Codec/BadMessage, State/BadRecord */
export function decodeMemberState(octets: Uint8Array): MemberState {
  const { leaf, epoch, keys } = record.decode(decodeCbor(octets), 'group keys');
  const held = new Map(keys.map(({ node, version, key }) => [node, { version, key: Secret.take(`node ${node} version ${version}`, key) }]));
  if (!held.has(leaf) || !held.has(GROUP_KEY_NODE)) throw badRecord();
  return { leaf, epoch: readU64be(epoch), keys: held };
}

function badRecord(): CpnsError {
  return new CpnsError('State', 'BadRecord', 'The stored keys of a group are incomplete: they are asked for again.');
}

import { type CborValue, encodeCbor } from '../messages/cbor.js';
import type { CryptoProvider } from '../ports.js';
import { EMPTY } from './bytes.js';
import { enc, expand } from './kdf.js';
import { ENC, EXPAND } from './labels.js';
import { SIV_KEK_LENGTH } from './provider-lengths.js';
import { Secret } from './secret.js';

/** The node number under which the Group Key itself is delivered; tree nodes are level * 2^24 + index. */
export const GROUP_KEY_NODE = 0xff00_0000;

/** Which key is delivered, and under which other one. Versions never fall and are never used twice. */
export interface GroupRecordName {
  /** 16 raw octets. */
  readonly sgId: Uint8Array;
  readonly epoch: bigint;
  readonly node: number;
  readonly version: number;
  readonly underNode: number;
  readonly underVersion: number;
}

/** Octets of a wrapped key: the SIV tag and the key. */
export const WRAPPED_NODE_KEY_LENGTH = 48;

/** A key under another one, as it travels in a rekey of its group and epoch. */
export interface GroupRecord extends Omit<GroupRecordName, 'sgId' | 'epoch'> {
  readonly wrapped: Uint8Array;
}

/** Associated data of a record: a key is good for its group, epoch and place in the tree only. */
export function groupRecordAad({ sgId, epoch, node, version, underNode, underVersion }: GroupRecordName): Uint8Array {
  return enc(ENC.groupRecord, sgId, epoch, node, version, underNode, underVersion);
}

/** `key` under the key `under` of another node: 48 octets. */
export function wrapNodeKey(provider: CryptoProvider, name: GroupRecordName, under: Secret, key: Secret): Uint8Array {
  const kek = expand(provider, under.reveal(), EXPAND.groupWrap, EMPTY, SIV_KEK_LENGTH);
  const wrapped = provider.wrap(kek, groupRecordAad(name), key.reveal());
  kek.fill(0);
  return wrapped;
}

/** The key of a record, or undefined when key or name differ from what the server had. */
export function unwrapNodeKey(provider: CryptoProvider, name: GroupRecordName, under: Secret, wrapped: Uint8Array): Secret | undefined {
  const kek = expand(provider, under.reveal(), EXPAND.groupWrap, EMPTY, SIV_KEK_LENGTH);
  const octets = provider.unwrap(kek, groupRecordAad(name), wrapped);
  kek.fill(0);
  return octets === undefined ? undefined : Secret.take(`node ${name.node} version ${name.version}`, octets);
}

/** rec as it stands in a part: [node, ver, underNode, underVer, wrapped]. */
export function groupRecordItem({ node, version, underNode, underVersion, wrapped }: GroupRecord): CborValue {
  return [node, version, underNode, underVersion, wrapped];
}

/** The octets of {@link groupRecordItem}. */
export function encodeGroupRecord(record: GroupRecord): Uint8Array {
  return encodeCbor(groupRecordItem(record));
}

import { CpnsError, type EntityId, isEntityId, isPnId, isSgId, type PnId, type SgId, type Store } from '@cpns/shared';
import {
  bytes,
  cpnsIdField,
  entityIdField,
  field,
  fromOctets,
  type Infer,
  list,
  oneOf,
  optional,
  RemoveReason,
  type Schema,
  serverIdField,
  serverKey,
  struct,
  subscription,
  text,
  toOctets,
  uint,
} from '@cpns/shared/messages';
import { decodeMemberState, encodeMemberState, fromHex, type MemberState, toHex } from '@cpns/shared/security';
import { type GroupRecord, type GroupWish, groupRecord, groupWish } from './groups/group-record.js';
import { type PnRecord, PnRole, readPnRecord, writePnRecord } from './pn-record.js';

export { type PnRecord, PnRole, PnState } from './pn-record.js';

/** What enrolment left: who this device is and which server it belongs to. The PRK stands for the EUKey (security 5). */
export const enrolmentRecord = struct({
  entityId: field(1, entityIdField),
  prk: field(2, bytes(32)),
  serverId: field(3, serverIdField),
  /** `host:port`; empty: look for it. */
  serverAddress: field(4, text(300)),
  subscription: field(5, subscription),
});
export type EnrolmentRecord = Infer<typeof enrolmentRecord>;

/** A paired device. */
export const pairingRecord = struct({
  kPair: field(1, bytes(32)),
  /** The peer's advertising key, once it told it. */
  kAdv: optional(2, bytes(16)),
  name: optional(3, text(64)),
  /** Where it was reached, when a person or a pairing link said so: it may be where no announcement reaches. */
  addresses: optional(4, list(text(300), 8)),
  /** The own advertising key that the peer is known to have. */
  toldKAdv: optional(5, bytes(16)),
});
export type PairingRecord = Infer<typeof pairingRecord>;
/**
 * What a K_pair is kept for: as `new` until the peer has shown that it keeps it, too; as `paired`; and as `ended` only to tell a peer
 * that does not know it yet, in a session under that key, that the pairing is over.
 */
export type PairingState = 'new' | 'paired' | 'ended';
const PAIRING_PREFIX: Readonly<Record<PairingState, string>> = { new: 'pairing-new/', paired: 'pairing/', ended: 'unpaired/' };

/** A PNE that is to leave a PN of this PN GW, until the server has answered (protocol e.9). */
const removalRecord = struct({ reason: field(1, oneOf(RemoveReason)) });

/** A LocalEUKey with the header octets it is bound to; what a PAN handshake needs. */
export const localEuKeyRecord = struct({
  key: field(1, bytes(32)),
  header: field(2, bytes(1, 2048)),
  createdWallMs: field(3, uint()),
});
export type LocalEuKeyRecord = Infer<typeof localEuKeyRecord>;

const serverKeysRecord = struct({ keys: field(1, list(serverKey, 4)), cpnsId: optional(2, cpnsIdField) });
const bootRecord = struct({ counter: field(1, uint(0xffffffff)) });

const WISH_PREFIX = 'sg-wish/';

/** Changes that are committed together. */
export type Changes = Map<string, Uint8Array | undefined>;

/** The durable state of a device: typed records over a {@link Store}, which is in memory already. */
export class DeviceState {
  readonly #store: Store;
  /** PNs as last read. They are looked up for every message, and to decode a large inventory would cost more than the message. */
  readonly #pnsRead = new Map<string, { readonly octets: Uint8Array; readonly record: PnRecord }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws CpnsError State/DiskFull, State/StoreFailed */
  async commit(changes: Changes): Promise<void> {
    await this.#store.commit(changes);
    for (const key of changes.keys()) this.#forgetRead(key);
  }

  #read<T>(key: string, schema: Schema<T>): T | undefined {
    return this.#readBy(key, (octets) => fromOctets(schema, octets, key));
  }

  #readBy<T>(key: string, reader: (octets: Uint8Array) => T): T | undefined {
    const octets = this.#store.get(key);
    if (octets === undefined) return undefined;
    try {
      return reader(octets);
    } catch (cause) {
      throw new CpnsError(
        'State',
        'StateCorrupt',
        `The state of this device cannot be read (${key}): enrol it again with "cpns-agent reset --everything".`,
        { cause },
      );
    }
  }

  get enrolment(): EnrolmentRecord | undefined {
    return this.#read('enrolment', enrolmentRecord);
  }
  static setEnrolment(changes: Changes, record: EnrolmentRecord): void {
    changes.set('enrolment', toOctets(enrolmentRecord, record));
  }

  pairings(state: PairingState = 'paired'): ReadonlyMap<EntityId, PairingRecord> {
    const result = new Map<EntityId, PairingRecord>();
    const prefix = PAIRING_PREFIX[state];
    for (const key of this.#store.keys(prefix)) {
      const id = key.slice(prefix.length);
      const record = this.#read(key, pairingRecord);
      if (isEntityId(id) && record !== undefined) result.set(id, record);
    }
    return result;
  }
  pairing(id: EntityId, state: PairingState = 'paired'): PairingRecord | undefined {
    return this.#read(`${PAIRING_PREFIX[state]}${id}`, pairingRecord);
  }
  static setPairing(changes: Changes, id: EntityId, record: PairingRecord | undefined, state: PairingState = 'paired'): void {
    changes.set(`${PAIRING_PREFIX[state]}${id}`, record && toOctets(pairingRecord, record));
  }

  pns(): PnRecord[] {
    return this.#store
      .keys('pn/')
      .map((key) => this.#readPn(key))
      .filter((record) => record !== undefined);
  }
  pn(id: PnId): PnRecord | undefined {
    return this.#readPn(`pn/${id}`);
  }
  /** One of the two is PN GW of a PN in which the other one is. */
  sharesPn(peer: EntityId): boolean {
    return this.pns().some(({ role, gateway, members }) => {
      return gateway === peer || (role === PnRole.PnGw && members.some(({ entityId }) => entityId === peer));
    });
  }
  /** What was read before counts only while the store holds the very same octets. */
  #readPn(key: string): PnRecord | undefined {
    const octets = this.#store.get(key);
    const before = this.#pnsRead.get(key);
    if (octets !== undefined && before !== undefined && sameOctets(octets, before.octets)) return before.record;
    this.#forgetRead(key);
    const record = this.#readBy(key, (stored) => readPnRecord(stored, key));
    if (octets !== undefined && record !== undefined) this.#pnsRead.set(key, { octets, record });
    return record;
  }
  #forgetRead(key: string): void {
    this.#pnsRead.get(key)?.octets.fill(0);
    this.#pnsRead.delete(key);
  }
  static setPn(changes: Changes, record: PnRecord): void {
    changes.set(`pn/${pnIdText(record.pnId)}`, writePnRecord(record));
  }
  /** The PN with every key that belongs to it, and the groups that this device is in through it (protocol e.40). */
  forgetPn(changes: Changes, id: PnId): void {
    changes.set(`pn/${id}`, undefined);
    for (const key of this.#store.keys(`lk/${id}/`)) changes.set(key, undefined);
    for (const key of this.#store.keys(`replay/${id}/`)) changes.set(key, undefined);
    for (const key of this.#store.keys(`removal/${id}/`)) changes.set(key, undefined);
    for (const group of this.groups())
      if (group.pnId !== undefined && pnIdText(group.pnId) === id) this.forgetGroup(changes, sgIdText(group.sgId));
    for (const [key, wish] of this.groupWishes())
      if (wish.pnId !== undefined && pnIdText(wish.pnId) === id) DeviceState.setGroupWish(changes, key, undefined);
  }

  groups(): GroupRecord[] {
    return this.#store.keys('sg/').flatMap((key) => this.#read(key, groupRecord) ?? []);
  }
  group(id: SgId): GroupRecord | undefined {
    return this.#read(`sg/${id}`, groupRecord);
  }
  static setGroup(changes: Changes, record: GroupRecord): void {
    changes.set(`sg/${sgIdText(record.sgId)}`, toOctets(groupRecord, record));
  }
  groupWishes(): ReadonlyMap<string, GroupWish> {
    return new Map(
      this.#store.keys(WISH_PREFIX).flatMap((key) => {
        const wish = this.#read(key, groupWish);
        return wish === undefined ? [] : [[key.slice(WISH_PREFIX.length), wish] as const];
      }),
    );
  }
  static setGroupWish(changes: Changes, key: string, wish: GroupWish | undefined): void {
    changes.set(`${WISH_PREFIX}${key}`, wish && toOctets(groupWish, wish));
  }
  /** A fresh copy: whoever takes it erases its keys. */
  groupKeys(id: SgId): MemberState | undefined {
    return this.#readBy(`sg-keys/${id}`, decodeMemberState);
  }
  static setGroupKeys(changes: Changes, id: SgId, keys: MemberState): void {
    changes.set(`sg-keys/${id}`, encodeMemberState(keys));
  }
  /** The group with every key that belongs to it. */
  forgetGroup(changes: Changes, id: SgId): void {
    changes.set(`sg/${id}`, undefined);
    changes.set(`sg-keys/${id}`, undefined);
    for (const key of this.#store.keys(`sg-replay/${id}/`)) changes.set(key, undefined);
  }

  removals(): { readonly pnId: PnId; readonly pne: EntityId; readonly reason: RemoveReason }[] {
    return this.#store.keys('removal/').flatMap((key) => {
      const [, pnId = '', pne = ''] = key.split('/');
      const record = this.#read(key, removalRecord);
      return isPnId(pnId) && isEntityId(pne) && record !== undefined ? [{ pnId, pne, reason: record.reason }] : [];
    });
  }
  static setRemoval(changes: Changes, id: PnId, pne: EntityId, reason: RemoveReason | undefined): void {
    changes.set(`removal/${id}/${pne}`, reason && toOctets(removalRecord, { reason }));
  }

  localEuKey(id: PnId, peer: EntityId): LocalEuKeyRecord | undefined {
    return this.#read(`lk/${id}/${peer}`, localEuKeyRecord);
  }
  localEuKeys(): { readonly pnId: PnId; readonly peer: EntityId; readonly record: LocalEuKeyRecord }[] {
    return this.#store.keys('lk/').flatMap((key) => {
      const [, pnId = '', peer = ''] = key.split('/');
      const record = this.#read(key, localEuKeyRecord);
      return isPnId(pnId) && isEntityId(peer) && record !== undefined ? [{ pnId, peer, record }] : [];
    });
  }
  static setLocalEuKey(changes: Changes, id: PnId, peer: EntityId, record: LocalEuKeyRecord | undefined): void {
    changes.set(`lk/${id}/${peer}`, record && toOctets(localEuKeyRecord, record));
  }

  get serverKeys(): Infer<typeof serverKeysRecord> | undefined {
    return this.#read('server-keys', serverKeysRecord);
  }
  static setServerKeys(changes: Changes, record: Infer<typeof serverKeysRecord>): void {
    changes.set('server-keys', toOctets(serverKeysRecord, record));
  }

  /** Own advertising key (security 1.9). */
  get advertisingKey(): Uint8Array | undefined {
    return this.#store.get('adv-key');
  }
  static setAdvertisingKey(changes: Changes, key: Uint8Array): void {
    changes.set('adv-key', key);
  }

  /** A boot counter that no earlier run of this state has used; durable when the promise resolves (security 1.8, salts). */
  async nextBootCounter(): Promise<number> {
    const counter = (this.#read('boot', bootRecord)?.counter ?? 0) + 1;
    await this.commit(new Map([['boot', toOctets(bootRecord, { counter })]]));
    return counter;
  }

  /** Octets under a key of a feature that keeps its own records (`outbox/`, `inbox/`, `replay/`, `sg-route/`). */
  raw(key: string): Uint8Array | undefined {
    return this.#store.get(key);
  }
  keys(prefix: string): string[] {
    return this.#store.keys(prefix);
  }
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A PN ID as text. */
export function pnIdText(octets: Uint8Array): PnId {
  const text = toHex(octets);
  if (!isPnId(text)) throw new CpnsError('Codec', 'BadMessage', 'A PN ID has 16 octets.');
  return text;
}

export function pnIdOctets(id: PnId): Uint8Array {
  return fromHex(id);
}

/** An SG ID as text. */
export function sgIdText(octets: Uint8Array): SgId {
  const text = toHex(octets);
  if (!isSgId(text)) throw new CpnsError('Codec', 'BadMessage', 'An SG ID has 16 octets.');
  return text;
}

export function sgIdOctets(id: SgId): Uint8Array {
  return fromHex(id);
}

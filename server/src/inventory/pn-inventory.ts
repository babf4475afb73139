import type { CpnsId, EntityId, PnId, UserId } from '@cpns/shared';
import type { PneState } from '@cpns/shared/messages';

/** States of a PN that are stored (protocol b.2); those before Established live in memory only, and a released PN is gone. */
export type PnState = 'Established' | 'Suspended';

/**
 * States of a member: `Authenticated` is what the protocol calls Unconfirmed. Those who are Pending are stored beside the members and
 * are none yet.
 */
export type MemberState = typeof PneState.Authenticated | typeof PneState.Member;

/** One personal network. */
export interface PnRecord {
  readonly pnId: PnId;
  readonly gateway: EntityId;
  readonly initiator: EntityId;
  readonly state: PnState;
  /** Members see one another (protocol 0.16). */
  readonly shareMembers: boolean;
  /** inventoryVersion, from 1, strictly rising. */
  readonly version: number;
  /** Epoch of the PN key, from 1, strictly rising. */
  readonly keyEpoch: number;
  /** PN key of that epoch, sealed under the master key. */
  readonly sealedKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

/** One PNE in one PN. The PN GW is not among them. */
export interface MemberRecord {
  readonly pnId: PnId;
  readonly entityId: EntityId;
  readonly userId: UserId;
  readonly cpnsId: CpnsId;
  readonly state: MemberState;
  /** Contents octets. */
  readonly contents: Uint8Array | undefined;
  /** hash_PNE verified at, milliseconds since 1970. */
  readonly authenticatedMs: number;
}

export interface NewMember {
  readonly entityId: EntityId;
  readonly contents: Uint8Array | undefined;
  /** Default: Authenticated. */
  readonly state?: MemberState;
}

export interface NewPn {
  readonly pnId: PnId;
  readonly gateway: EntityId;
  readonly initiator: EntityId;
  readonly shareMembers: boolean;
  /** PN key of epoch 1, sealed. */
  readonly sealedKey: Uint8Array;
  readonly members: readonly NewMember[];
}

export interface PnReads {
  find(pnId: PnId): PnRecord | undefined;
  /** By entity id. */
  members(pnId: PnId): readonly MemberRecord[];
  member(pnId: PnId, entityId: EntityId): MemberRecord | undefined;
  /** PNs of which that device is PN GW. */
  ofGateway(gateway: EntityId): readonly PnRecord[];
  /** PNs in which that device is a PNE. */
  ofMember(entityId: EntityId): readonly PnRecord[];
  list(): readonly PnRecord[];
  /** Every PN of every device, as PN GW or as PNE, in one go. */
  participations(): ReadonlyMap<EntityId, readonly PnId[]>;
  countByState(): Readonly<Record<PnState, number>>;
  /** @throws CpnsError State/TooManyPns (status Busy) when that PN GW has as many PNs as it may */
  requireRoom(gateway: EntityId): void;
  /** Members in state Authenticated for longer than `ms` of running time, oldest first, at most 500. */
  unconfirmedLongerThan(ms: number): readonly MemberRecord[];
  /** Added, and not authenticated yet: on no list, in no view (protocol e.14). */
  isPending(pnId: PnId, entityId: EntityId): boolean;
}

export interface PnInventory extends PnReads {
  /**
   * The PN, Established, with its first members: version 1, key epoch 1.
   * @throws CpnsError State/DuplicatePn (status Duplicate), State/TooManyPns, State/TooManyMembers (status Busy), State/UnknownDevice
   */
  create(pn: NewPn): PnRecord;
  /**
   * Version + 1, key epoch + 1 with `sealedKey`. None of `members` is in the PN; who was Pending is so no more.
   * @throws CpnsError State/UnknownPn, State/TooManyMembers (status Busy), State/UnknownDevice
   */
  addMembers(pnId: PnId, members: readonly NewMember[], sealedKey: Uint8Array): PnRecord;
  /** Neither version nor epoch changes; members stay what they are. @throws as {@link addMembers} */
  addPending(pnId: PnId, entityIds: readonly EntityId[]): void;
  removePending(pnId: PnId, entityId: EntityId): void;
  /** In whatever PN. */
  removePendingOf(entityId: EntityId): void;
  /** All that are Pending for that long of running time, at most 500; 0: all. Returns how many there were. */
  dropPending(ms: number): number;
  /** Version + 1, key epoch + 1 with `sealedKey`. Those who are no members are passed over. @throws CpnsError State/UnknownPn */
  removeMembers(pnId: PnId, entityIds: readonly EntityId[], sealedKey: Uint8Array): PnRecord;
  /** Neither version nor epoch changes. False: no such member, or it is in that state already. */
  setMemberState(pnId: PnId, entityId: EntityId, state: MemberState): boolean;
  /** What a member offers; version + 1 when that is something else than before. @throws CpnsError State/UnknownPn */
  setContents(pnId: PnId, entityId: EntityId, contents: Uint8Array): PnRecord;
  /** The member proved itself anew; one that is still unconfirmed has the whole time again. */
  authenticated(pnId: PnId, entityId: EntityId): void;
  /** Its PN GW was revoked: Suspended, with key epoch + 1, since that device knows the key. @throws CpnsError State/UnknownPn */
  suspend(pnId: PnId, sealedKey: Uint8Array): PnRecord;
  /** Established again. @throws CpnsError State/UnknownPn */
  resume(pnId: PnId): PnRecord;
  /** Deletes the PN, its members and what waits for them in the outbox for this PN. */
  remove(pnId: PnId): void;
  /** After a restore from backup (security 1.8): every version and key epoch rises by `by`, with a PN key for that epoch. */
  raiseAll(by: number, sealedKeyOf: (pnId: PnId, epoch: number) => Uint8Array): void;
}

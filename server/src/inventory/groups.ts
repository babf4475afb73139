import type { EntityId, PnId, SgId, UserId } from '@cpns/shared';
import type { SharedObject } from '@cpns/shared/messages';

/** One service group of the SG Inventory (protocol b.3). Its keys are among its {@link GroupNode}s. */
export interface SgRecord {
  readonly sgId: SgId;
  readonly name: string;
  /** Undefined while a new owner is looked for (protocol e.40). */
  readonly owner: EntityId | undefined;
  /** The user of the owner, or of the last one. */
  readonly ownerUser: UserId;
  readonly serviceId: string | undefined;
  /** Everybody may find it and ask to join. */
  readonly open: boolean;
  /** Epoch of the Group Key, from 1, strictly rising. */
  readonly epoch: number;
  /** Rises with every change of members or owner. */
  readonly version: number;
  /** Levels of the key tree above its leaves. */
  readonly height: number;
  readonly memberCount: number;
  /** The present Group Key was made at, milliseconds since 1970. */
  readonly keyedMs: number;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

/** One member, bound to the session through which it came in. */
export interface SgMemberRecord {
  readonly sgId: SgId;
  readonly entityId: EntityId;
  /** PN through whose session it is a member; undefined: its own session as PN GW. */
  readonly pnId: PnId | undefined;
  /** The PN GW behind which it is: itself, or that of the PN. */
  readonly gateway: EntityId;
  /** Index of its leaf in the key tree. */
  readonly leaf: number;
  readonly joinedMs: number;
  /** The first epoch whose Group Key it was given. */
  readonly joinedEpoch: number;
}

export type NewSgMember = Pick<SgMemberRecord, 'entityId' | 'pnId' | 'gateway' | 'leaf'>;
export type NewSg = Pick<SgRecord, 'sgId' | 'name' | 'ownerUser' | 'serviceId' | 'open'> & {
  readonly owner: EntityId;
  readonly objects: readonly SharedObject[];
};

/** A key of a group's tree as it is stored: a leaf key, an inner node's or the Group Key. */
export interface GroupNode {
  /** Strictly rising, never reset. */
  readonly version: number;
  /** The key under the master key; undefined: there is nobody below, and only the version is kept. */
  readonly sealed: Uint8Array | undefined;
}

/** The key tree of one group. */
export interface GroupNodes {
  get(node: number): GroupNode | undefined;
  put(node: number, value: GroupNode): void;
  height(): number;
  setHeight(height: number): void;
  /** The lowest leaf that is empty, else the lowest that never was used. */
  lowestFreeLeaf(): number;
}

export interface GroupReads {
  find(sgId: SgId): SgRecord | undefined;
  list(): readonly SgRecord[];
  /** In the order of their leaves. */
  members(sgId: SgId): readonly SgMemberRecord[];
  /** The first `limit` of them, in the order of their leaves. */
  firstMembers(sgId: SgId, limit: number): readonly SgMemberRecord[];
  member(sgId: SgId, entityId: EntityId): SgMemberRecord | undefined;
  /** Members behind that PN GW, itself included, in the order of their leaves. */
  membersBehind(sgId: SgId, gateway: EntityId): readonly SgMemberRecord[];
  /** All memberships of a device. */
  ofMember(entityId: EntityId): readonly SgMemberRecord[];
  /** Memberships through a PN; of one device, or of all. */
  through(pnId: PnId, entityId?: EntityId): readonly SgMemberRecord[];
  /** PN GWs behind which members are, with how many; by entity id. */
  gateways(sgId: SgId): readonly { readonly gateway: EntityId; readonly members: number }[];
  /** Groups with a member of that user. */
  ofUser(userId: UserId): readonly SgRecord[];
  /** Groups that everybody may find, at most `limit`. */
  openOnes(limit: number): readonly SgRecord[];
  /** Whether it was expelled, and has not come back since. */
  isShutOut(sgId: SgId, entityId: EntityId): boolean;
  /** Groups that nobody owns. */
  ownerless(): readonly SgRecord[];
  /** Groups whose Group Key is older than that by the wall clock, or of a time that has not come, at most 100. */
  keyedOutside(fromMs: number, toMs: number): readonly SgRecord[];
  /** Objects that have not ended, by id and holder. */
  objects(sgId: SgId): readonly SharedObject[];
  nodes(sgId: SgId): Pick<GroupNodes, 'get' | 'height'>;
  count(): number;
}

export interface Groups extends GroupReads {
  /** A group without members, at epoch 0 and version 0. @throws CpnsError State/DuplicateSg */
  create(group: NewSg): SgRecord;
  /**
   * Takes members out and in, and says which epoch it is from now on; version + 1. Objects of those who leave go with them.
   * @throws CpnsError State/TooManySgs, State/TooManySgMembers (status Busy)
   */
  change(
    sgId: SgId,
    change: { readonly add: readonly NewSgMember[]; readonly remove: readonly EntityId[]; readonly epoch: number },
  ): SgRecord;
  /** Those were expelled. */
  shutOut(sgId: SgId, entityIds: readonly EntityId[]): void;
  /** The Group Key was renewed; nothing else is different. */
  rekeyed(sgId: SgId, epoch: number): SgRecord;
  /** Version + 1. Undefined: nobody for now. */
  setOwner(sgId: SgId, owner: EntityId | undefined): SgRecord;
  /** Shares an object, or shares it otherwise; those that have ended go. */
  putObject(sgId: SgId, object: SharedObject): void;
  removeObject(sgId: SgId, object: Pick<SharedObject, 'id' | 'holder'>): void;
  /** Deletes group, members, objects and keys. */
  remove(sgId: SgId): void;
  nodes(sgId: SgId): GroupNodes;
  /** After a restore from backup (security 1.8): raises every epoch and version by `by` and every node version by `nodesBy`. */
  raiseAll(by: number, nodesBy: number): void;
}

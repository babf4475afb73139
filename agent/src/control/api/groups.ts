import { type EntityId, isSgId, type PnId, type SgId } from '@cpns/shared';
import * as v from 'valibot';
import type { FetchEvent } from './contents.js';
import { entityIdParam, pnIdParam, sgIdParam, textParam } from './fields.js';
import type { PnContent } from './networks.js';
import type { Progress } from './progress.js';

/** Names that a request has room for; more members are invited afterwards. */
export const MAX_NAMED_MEMBERS = 256;

const names = (least: number) =>
  v.pipe(
    v.array(entityIdParam),
    v.minLength(least, 'must name at least one device'),
    v.maxLength(MAX_NAMED_MEMBERS, `must name at most ${MAX_NAMED_MEMBERS} devices`),
    v.check((ids) => new Set(ids).size === ids.length, 'must not name a device twice'),
  );
/** May be left out where the device is in exactly one group. */
const group = v.optional(sgIdParam);

const sharing = v.strictObject({
  /** An own content, by its id or its name. */
  content: textParam(128),
  /** Who may have it; every member when left out. */
  members: v.optional(names(1)),
  /** Milliseconds since 1970; as long as the group when left out. */
  untilMs: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

export const groupCreateParams = v.strictObject({
  name: v.pipe(
    textParam(64),
    v.check((name) => name.trim() !== '', 'must not be blank'),
    v.check((name) => !isSgId(name), 'must not look like an SG ID'),
  ),
  members: v.optional(names(0), []),
  /** Everybody may find it and ask to join. */
  open: v.optional(v.boolean(), false),
  serviceId: v.optional(textParam(64)),
  /** Through which PN, where several lead to the server. */
  pnId: v.optional(pnIdParam),
  /** Own contents that members may fetch. */
  objects: v.optional(v.pipe(v.array(sharing), v.maxLength(16, 'must name at most 16 contents'))),
});
export const groupListParams = v.strictObject({
  /** Others too that this device may know of: the server is asked. */
  all: v.optional(v.boolean(), false),
  keyword: v.optional(textParam(64)),
  serviceId: v.optional(textParam(64)),
});
export const groupShowParams = v.strictObject({ group });
export const groupMembersParams = v.strictObject({ group, members: names(1) });
export const groupJoinParams = v.strictObject({ group: sgIdParam, pnId: v.optional(pnIdParam) });
export const groupObjectParams = v.strictObject({
  group,
  /** By its id or its name. */
  object: textParam(128),
  /** Its holder: to fetch, where several share such a one; to unshare, unless it is this device. */
  from: v.optional(entityIdParam),
});
export const groupShareParams = v.strictObject({ group, ...sharing.entries });
export const groupOwnerParams = v.strictObject({ group, candidate: entityIdParam });

export type GroupCreateParams = v.InferOutput<typeof groupCreateParams>;
export type GroupListParams = v.InferOutput<typeof groupListParams>;
export type GroupShowParams = v.InferOutput<typeof groupShowParams>;
export type GroupMembersParams = v.InferOutput<typeof groupMembersParams>;
export type GroupJoinParams = v.InferOutput<typeof groupJoinParams>;
export type GroupObjectParams = v.InferOutput<typeof groupObjectParams>;
export type GroupShareParams = v.InferOutput<typeof groupShareParams>;
export type GroupOwnerParams = v.InferOutput<typeof groupOwnerParams>;

/** What anybody may know of a group who finds it. */
export interface FoundGroup {
  readonly sgId: SgId;
  readonly name: string;
  /** Absent while nobody is. */
  readonly owner?: EntityId;
  readonly open: boolean;
  readonly serviceId?: string;
  readonly serviceName?: string;
  /** Sorted; those that this device is told of. */
  readonly members: readonly EntityId[];
  readonly memberCount: number;
  /** This device is in it. */
  readonly isMember: boolean;
}

/** A content that a member shares. */
export interface GroupObject {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly holder: EntityId;
  /** Who may have it; absent: every member. */
  readonly members?: readonly EntityId[];
  /** ISO 8601; absent: as long as the group. */
  readonly until?: string;
}

export interface GroupFetched {
  readonly sgId: SgId;
  readonly from: EntityId;
  readonly content: PnContent;
  readonly afterMs: number;
}

/** A group whose object was shared or withdrawn. */
export interface GroupShared {
  readonly group: GroupReport;
  readonly object: GroupObject;
}

/** A group that this device is in. */
export interface GroupReport extends FoundGroup {
  /** The PN through which this device is in it; absent: its own session as PN GW. */
  readonly pnId?: PnId;
  /** That are shared with this device, or by it; left out where there are none. */
  readonly objects?: readonly GroupObject[];
  /** Of the Group Key that this device holds; 0: none yet. */
  readonly epoch: number;
  /** `behind`: there is a newer Group Key than that. */
  readonly keys: 'current' | 'behind';
  readonly maySend: boolean;
  /** Why it may not, in one sentence. */
  readonly why?: string;
}

/** Nothing happens until somebody acts. */
export interface GroupEvent {
  readonly type: 'waiting';
  readonly text: string;
  readonly atMostMs: number;
}

/** What became of one device that was asked; `reason` is a sentence when it is not in the group. */
export interface GroupMemberOutcome {
  readonly id: EntityId;
  readonly joined: boolean;
  readonly reason?: string;
}

export interface GroupAsked {
  readonly group: GroupReport;
  readonly outcomes: readonly GroupMemberOutcome[];
}

/** Service groups (seed 000; security 1.8). */
export interface GroupsControl {
  /**
   * Makes a group of this device and of those who agree.
   * @throws CpnsError State/NotInPn, State/WhichPn, State/UnknownPn, State/NotOffered, Auth/Refused: nobody agreed; Transport, Transport/OutcomeUnknown
   */
  createGroup(params: GroupCreateParams, progress: Progress<GroupEvent>): Promise<GroupAsked>;
  /** Own groups are known here; with `all` the server is asked. @throws CpnsError Transport */
  listGroups(params: GroupListParams, signal: AbortSignal): Promise<{ readonly groups: readonly (FoundGroup | GroupReport)[] }>;
  /** @throws CpnsError State/NotInGroup */
  showGroups(params: GroupShowParams): Promise<{ readonly groups: readonly GroupReport[] }>;
  /**
   * Fetches a shared object through the server, and compares its SHA-256 with its id.
   * @throws CpnsError State/NotInGroup, State/WhichGroup, State/NoSuchContent, State/WhichContent, State/ContentTooLarge, State/Refused,
   * Auth/ContentAltered, Transport
   */
  fetchObject(params: GroupObjectParams, progress: Progress<FetchEvent>): Promise<GroupFetched>;
  /**
   * Shares an own content; one that is shared already is shared in this way from now on.
   * @throws CpnsError State/NotInGroup, State/WhichGroup, State/NotOffered, State/NotMember, State/TooManyObjects, State/PastTime,
   * Config/PastTime, Transport, Transport/OutcomeUnknown
   */
  shareObject(params: GroupShareParams, signal: AbortSignal): Promise<GroupShared>;
  /**
   * Withdraws an own object, or as owner of the group one of another member.
   * @throws CpnsError State/NotInGroup, State/WhichGroup, State/NoSuchContent, State/WhichContent, State/NotOwner, Transport,
   * Transport/OutcomeUnknown
   */
  unshareObject(params: GroupObjectParams, signal: AbortSignal): Promise<GroupShared>;
  /** As its owner. @throws CpnsError State/NotInGroup, State/WhichGroup, State/NotOwner, State/AlreadyMember, Auth/Refused, Transport */
  inviteIntoGroup(params: GroupMembersParams, progress: Progress<GroupEvent>): Promise<GroupAsked>;
  /** @throws CpnsError State/UnknownSg, State/AlreadyMember, Auth/Refused: the owner said no; Transport */
  joinGroup(params: GroupJoinParams, progress: Progress<GroupEvent>): Promise<{ readonly group: GroupReport }>;
  /** @throws CpnsError State/NotInGroup, State/WhichGroup, Transport, Transport/OutcomeUnknown */
  leaveGroup(params: GroupShowParams): Promise<{ readonly sgId: SgId }>;
  /** As its owner. `members`: who is out by it. @throws CpnsError as {@link leaveGroup}; State/NotOwner, State/NotMember: nobody of them was in */
  expelFromGroup(params: GroupMembersParams): Promise<{ readonly sgId: SgId; readonly members: readonly EntityId[] }>;
  /** As its owner. @throws CpnsError as {@link leaveGroup}; State/NotOwner */
  releaseGroup(params: GroupShowParams): Promise<{ readonly sgId: SgId }>;
  /** As its owner: another member owns it, when it agrees. @throws CpnsError as {@link leaveGroup}; State/NotOwner, Auth/Refused */
  handOverGroup(params: GroupOwnerParams, progress: Progress<GroupEvent>): Promise<{ readonly group: GroupReport }>;
}

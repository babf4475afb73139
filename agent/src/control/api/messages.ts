import type { EntityId, LinkType, PnId, SgId } from '@cpns/shared';
import * as v from 'valibot';
import { durationParam, entityIdParam, pnIdParam, sgIdParam, textParam } from './fields.js';
import type { PnState } from './networks.js';
import type { Progress } from './progress.js';
import type { ModeName } from './status.js';

/** Application payload of one message, octets (protocol 0.1). */
export const MAX_PAYLOAD_OCTETS = 16_000;
const MAX_PAYLOAD_BASE64 = Math.ceil(MAX_PAYLOAD_OCTETS / 3) * 4;
/** A message is given up after this time (protocol 0.23). */
export const MAX_SEND_WAIT_MS = 24 * 3_600_000;

/** As the message carries it (shared: `channelField`). */
const channelParam = v.pipe(
  v.string('must be text'),
  v.regex(/^[A-Za-z0-9._-]{1,32}$/, 'must be 1 to 32 characters of A-Z, a-z, 0-9, ".", "_" and "-"'),
);

export const sendParams = v.strictObject({
  to: v.variant('kind', [
    v.strictObject({ kind: v.literal('server') }),
    v.strictObject({ kind: v.literal('entity'), id: entityIdParam }),
    v.strictObject({ kind: v.literal('group'), group: sgIdParam }),
  ]),
  /** May be left out when the device is in exactly one PN. */
  pnId: v.optional(pnIdParam),
  channel: v.optional(channelParam, 'default'),
  contentType: v.optional(textParam(64), 'text/plain'),
  /** Base64, padded. */
  payload: v.pipe(
    v.string(),
    v.maxLength(MAX_PAYLOAD_BASE64, `must be at most ${MAX_PAYLOAD_OCTETS} octets`),
    v.base64('must be base64'),
    v.check((text) => Buffer.byteLength(text, 'base64') <= MAX_PAYLOAD_OCTETS, `must be at most ${MAX_PAYLOAD_OCTETS} octets`),
  ),
  /** How long to wait for the addressee's answer, or until a message to a group has left; left out: return as soon as the message is durable here. */
  waitMs: v.optional(durationParam(MAX_SEND_WAIT_MS)),
});

export const watchParams = v.strictObject({
  /** Application data addressed to this device. */
  messages: v.optional(v.boolean(), true),
  /** What the agent does and sees. */
  happenings: v.optional(v.boolean(), true),
  channel: v.optional(channelParam),
  /** Messages of this service group alone. */
  group: v.optional(sgIdParam),
});

export type SendParams = v.InferOutput<typeof sendParams>;
export type WatchParams = v.InferOutput<typeof watchParams>;

/** The message is in the durable outbox. */
export interface SendEvent {
  readonly type: 'queued';
  readonly messageId: string;
}

export interface SendResult {
  readonly messageId: string;
  /** `delivered`: the addressee stored it and said so. `sent`: it has left for its group, of which nobody answers. */
  readonly state: 'queued' | 'delivered' | 'sent';
  /** From queued to delivered or sent. */
  readonly afterMs?: number;
}

export interface MessageEvent {
  readonly type: 'message';
  readonly messageId: string;
  /** Absent: the server sent it to this device as PN GW. */
  readonly pnId?: PnId;
  /** The service group that it was sent to. */
  readonly group?: SgId;
  readonly from: 'server' | EntityId;
  readonly channel: string;
  readonly contentType: string;
  /** Base64. */
  readonly payload: string;
  readonly receivedAtWallMs: number;
  /** When the server got it; of messages that were sent while this device was away. */
  readonly sentAtWallMs?: number;
}

/** Something that happened at the agent. Each says it in `text` too, so that a new kind needs no new reader. */
export type Happening = { readonly text: string; readonly atWallMs: number } & (
  | { readonly type: 'peer-sighted' | 'peer-lost' | 'peer-paired' | 'peer-unpaired' | 'peer-zone'; readonly peer: EntityId }
  | { readonly type: 'link-up' | 'link-down'; readonly peer: EntityId; readonly technology: LinkType }
  | { readonly type: 'mode'; readonly mode: ModeName; readonly gateway?: EntityId }
  | { readonly type: 'server'; readonly connected: boolean }
  | { readonly type: 'pn'; readonly pnId: PnId; readonly state: PnState | 'Absent' }
  | { readonly type: 'group'; readonly sgId: SgId; readonly state: 'Member' | 'Absent' }
  | { readonly type: 'group-members' | 'group-objects' | 'group-lost'; readonly sgId: SgId }
  | { readonly type: 'consent-asked' | 'consent-over'; readonly consentId: string }
  | { readonly type: 'message-delivered' | 'message-sent' | 'message-expired'; readonly messageId: string }
  | { readonly type: 'problem' }
);

export type WatchEvent = MessageEvent | Happening;

export interface MessagesControl {
  /** @throws CpnsError State/NotInPn, State/NotInGroup, State/GroupSilent, State/MessageTooLarge, State/OutboxFull, Timeout/NotDelivered (the message stays queued), State/MessageExpired */
  send(params: SendParams, progress: Progress<SendEvent>): Promise<SendResult>;
  /** Runs until the signal fires. Begins with nothing: what was before is not repeated. */
  watch(params: WatchParams, progress: Progress<WatchEvent>): Promise<void>;
}

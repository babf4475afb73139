import type { EntityId, LinkType } from '@cpns/shared';
import * as v from 'valibot';
import { durationParam, entityIdParam, textParam } from './fields.js';
import type { Progress, StepEvent } from './progress.js';

/** A pairing window never stays open longer than this, whoever asks (security 1.9). */
export const MAX_PAIRING_WINDOW_MS = 120_000;

const timeoutMs = v.optional(durationParam(MAX_PAIRING_WINDOW_MS));

/** Opens the window and pairs with the first device near that has opened its own. */
export const pairOpenParams = v.strictObject({ timeoutMs });
/** Opens the window and pairs with this device only: an entity id, or `host:port` where it cannot be discovered. */
export const pairPeerParams = v.strictObject({ peer: textParam(300), timeoutMs });
/** Shows a link that another device takes. */
export const pairLinkShowParams = v.strictObject({ timeoutMs });
/** Takes the link that another device shows. */
export const pairLinkTakeParams = v.strictObject({ link: textParam(2048), timeoutMs });

/** What the person at this device says to a {@link PairingCodeEvent}. A typed code that is not the shown one is a no. */
export const pairAnswerParams = v.strictObject({
  attempt: v.pipe(v.number(), v.integer(), v.minValue(1)),
  answer: v.variant('type', [
    v.strictObject({ type: v.literal('yes') }),
    v.strictObject({ type: v.literal('no') }),
    v.strictObject({ type: v.literal('code'), code: v.pipe(v.string(), v.regex(/^[0-9]{6}$/, 'must be six digits')) }),
  ]),
});
/** Forgets a paired device: K_pair is deleted, links to it are closed. */
export const unpairParams = v.strictObject({ peer: entityIdParam });

export type PairOpenParams = v.InferOutput<typeof pairOpenParams>;
export type PairPeerParams = v.InferOutput<typeof pairPeerParams>;
export type PairLinkShowParams = v.InferOutput<typeof pairLinkShowParams>;
export type PairLinkTakeParams = v.InferOutput<typeof pairLinkTakeParams>;
export type PairAnswerParams = v.InferOutput<typeof pairAnswerParams>;
export type UnpairParams = v.InferOutput<typeof unpairParams>;

/** A code to be compared; the attempt waits for `pair.answer`. */
export interface PairingCodeEvent {
  readonly type: 'code';
  /** Names this attempt in the answer. */
  readonly attempt: number;
  readonly peer: EntityId;
  readonly technology: LinkType;
  /** Six digits, the same on both devices. */
  readonly code: string;
  /** The peer is paired already; a yes replaces that pairing once the new one has worked. */
  readonly replaces: boolean;
  readonly closesInMs: number;
}

export type PairingEvent =
  | StepEvent
  | PairingCodeEvent
  /** The window is open; comes again when an attempt was used up. */
  | { readonly type: 'window'; readonly closesInMs: number; readonly attemptsLeft: number }
  /** The link to take on the other device. It holds a secret: shown, never logged. */
  | { readonly type: 'link'; readonly link: string; readonly closesInMs: number }
  /** A device near that has opened its own window. */
  | { readonly type: 'found'; readonly peer: EntityId; readonly technology: LinkType }
  /** A person said yes, at this device or at the other one. */
  | { readonly type: 'confirmed'; readonly at: 'here' | 'there' }
  /** An attempt came to nothing; the window stays open. `code` is that of the CpnsError. */
  | { readonly type: 'attempt-failed'; readonly code: string; readonly reason: string; readonly attemptsLeft: number };

export interface PairingResult {
  readonly peer: EntityId;
  readonly technology: LinkType;
  readonly method: 'code' | 'link';
  /** The code that was compared; absent for a link. */
  readonly code?: string;
  /** An earlier pairing with the peer was replaced. */
  readonly replaced: boolean;
}

/**
 * One pairing at a time. A window ends with the first pairing (its first link session included), when its time or its 5 attempts are
 * over, and when its client goes away; then nothing is kept.
 */
export interface PairingControl {
  /** @throws CpnsError State/PairingBusy, Timeout/PairingWindowClosed, Auth/PairingRefused, Auth/TooManyAttempts */
  openPairing(params: PairOpenParams, progress: Progress<PairingEvent>): Promise<PairingResult>;
  /** @throws CpnsError as {@link openPairing}, and Transport/PeerUnreachable */
  pairWithPeer(params: PairPeerParams, progress: Progress<PairingEvent>): Promise<PairingResult>;
  /** @throws CpnsError as {@link openPairing} */
  showPairingLink(params: PairLinkShowParams, progress: Progress<PairingEvent>): Promise<PairingResult>;
  /** @throws CpnsError as {@link pairWithPeer}, and Config/BadPairingLink */
  takePairingLink(params: PairLinkTakeParams, progress: Progress<PairingEvent>): Promise<PairingResult>;
  /** `accepted`: it was a yes. @throws CpnsError State/NoSuchAttempt */
  answerPairing(params: PairAnswerParams): Promise<{ readonly accepted: boolean }>;
  /** @throws CpnsError State/NotPaired */
  unpair(params: UnpairParams): Promise<{ readonly peer: EntityId }>;
}

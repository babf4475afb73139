import type { EntityId, LinkType } from '@cpns/shared';
import type { PairingInvitation, PairingLink } from '@cpns/shared/security';

/** How a window was opened. */
export type PairingRequest =
  /** With the first device near that has opened its own window, or with this one only. `addresses`: where a person said it is. */
  | { readonly type: 'code'; readonly peer?: EntityId; readonly addresses?: readonly string[] }
  /** Shows a link that another device takes. */
  | { readonly type: 'show-link' }
  /** Takes a link. */
  | { readonly type: 'take-link'; readonly peer: EntityId; readonly addresses: readonly string[]; readonly link: PairingLink };

/** What the person at this device is told. */
export type PairingReport =
  | { readonly type: 'window'; readonly closesInMs: number; readonly attemptsLeft: number }
  | { readonly type: 'link'; readonly invitation: PairingInvitation; readonly closesInMs: number }
  | { readonly type: 'found'; readonly peer: EntityId; readonly technology: LinkType }
  | {
      readonly type: 'code';
      readonly attempt: number;
      readonly peer: EntityId;
      readonly technology: LinkType;
      readonly code: string;
      readonly replaces: boolean;
      readonly closesInMs: number;
    }
  | { readonly type: 'confirmed'; readonly at: 'here' | 'there' }
  | { readonly type: 'attempt-failed'; readonly code: string; readonly reason: string; readonly attemptsLeft: number };

export interface Paired {
  readonly peer: EntityId;
  readonly technology: LinkType;
  readonly method: 'code' | 'link';
  readonly code?: string;
  readonly replaced: boolean;
}

export type PersonsAnswer = { readonly type: 'yes' } | { readonly type: 'no' } | { readonly type: 'code'; readonly code: string };

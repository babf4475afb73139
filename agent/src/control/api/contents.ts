import type { EntityId, PnId } from '@cpns/shared';
import * as v from 'valibot';
import { entityIdParam, pnIdParam, textParam } from './fields.js';
import type { PnContent } from './networks.js';
import type { Progress } from './progress.js';

/** A content by its id or its name; the network may be left out where that content is clear without it. */
export const fetchParams = v.strictObject({ content: textParam(128), from: entityIdParam, pnId: v.optional(pnIdParam) });

export type FetchParams = v.InferOutput<typeof fetchParams>;

export type FetchEvent =
  /** It is about to come, under these conditions. */
  | { readonly type: 'begins'; readonly content: PnContent; readonly parts: number }
  /** The next part, in order; `payload` is base64. What came counts only when the whole has succeeded. */
  | { readonly type: 'part'; readonly part: number; readonly payload: string };

export interface Fetched {
  readonly pnId: PnId;
  readonly from: EntityId;
  readonly content: PnContent;
  readonly afterMs: number;
}

export interface ContentsControl {
  /**
   * Fetches a content of another member, and compares its SHA-256 with what the PN Inventory says.
   * @throws CpnsError State/NoSuchContent, State/WhichContent, State/NotFetchable, State/UnknownPn, State/ContentTooLarge, State/FetchBusy,
   * State/ContentGone, State/Refused, Auth/ContentAltered, Timeout/NoContent
   */
  fetch(params: FetchParams, progress: Progress<FetchEvent>): Promise<Fetched>;
}

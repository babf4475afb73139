import { type Clock, CpnsError, describeError, type EntityId, type Logger, type PnId, type SgId } from '@cpns/shared';
import {
  Addressee,
  type ApplicationData,
  type BodyOf,
  fromOctets,
  pnDataContent,
  ResyncReason,
  type sgData,
  toOctets,
} from '@cpns/shared/messages';
import type { OpenedMessage } from '@cpns/shared/security';
import { sgIdOctets, sgIdText } from '../device-state.js';
import { type GroupBook, throughPn } from './group-book.js';
import type { GroupTraffic } from './group-traffic.js';
import type { GroupUpkeep } from './group-upkeep.js';

/** Three heartbeats of the server: a PN GW that withholds a rekey must not keep a member talking to one that was expelled (security 1.8). */
const SILENT_AFTER_MS = 180_000;
/** Messages of a group that wait for the key they were sealed with. */
const HELD_MAX = 16;
/** A rekey that is under way with a message arrives by then; only after that it is asked for. */
const KEY_LATE_MS = 2_000;
const UNHEARD =
  'The server has not been heard of for three heartbeats, so that this device cannot know who is in the group: it sends again when the server is back.';
/** Codes of a message under a Group Key that this device does not have yet. */
const KEY_MISSED: ReadonlySet<string> = new Set(['NoKey', 'NewerEpoch']);

/** Why this device sends nothing to a group. */
export interface Silence {
  /** In one sentence. */
  readonly why: string;
  /** It is not over as soon as the server can be reached: nothing is taken on meanwhile. */
  readonly lasting: boolean;
}

export interface GroupTalkOptions {
  readonly self: EntityId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly book: GroupBook;
  readonly traffic: GroupTraffic;
  readonly upkeep: GroupUpkeep;
  /** Sends a sealed message on its way: to the PN GW of that PN, or as PN GW to the members here and to the server. False: not now. */
  carry(pnId: PnId | undefined, body: BodyOf<typeof sgData>): boolean;
  /** What waited for being allowed to leave may try again. */
  released(): void;
  /** Opened, and from whom it says. */
  received(message: ApplicationData, pnId: PnId | undefined): Promise<void>;
}

/** Messages to and from the groups of this device, under their Group Keys. */
export class GroupTalk {
  readonly #options: GroupTalkOptions;
  /** When the server was heard of last in the session of a PN, or the PN GW's own (''). */
  readonly #heardAtMs = new Map<PnId | '', number>();
  readonly #held = new Map<SgId, BodyOf<typeof sgData>[]>();

  constructor(options: GroupTalkOptions) {
    this.#options = options;
  }

  /** What the server said in that session was of now: a heartbeat, or keys that were asked for. */
  heard(pnId: PnId | undefined): void {
    const wasSilent = !this.#isFresh(pnId);
    this.#heardAtMs.set(pnId ?? '', this.#options.clock.monotonicMs());
    if (wasSilent) this.#options.released();
  }

  /** Undefined: this device may send to that group now. Whoever cannot know that its key is the present one may not (security 1.8). */
  silence(sgId: SgId): Silence | undefined {
    const { book, traffic, upkeep } = this.#options;
    const record = book.get(sgId);
    if (record === undefined) return { lasting: true, why: 'This device is not in that service group.' };
    const pnId = throughPn(record);
    if (!traffic.has(sgId))
      return { lasting: false, why: 'The Group Key has not come yet: it is asked for as soon as the server can be reached.' };
    if (!this.#heardAtMs.has(pnId ?? ''))
      return { lasting: false, why: 'The server has not said yet, since this device started, that its Group Key is the present one.' };
    if (!this.#isFresh(pnId)) return { lasting: true, why: UNHEARD };
    return upkeep.isBehind(sgId) ? { lasting: false, why: 'There is a newer Group Key: this device is asking for it.' } : undefined;
  }

  #isFresh(pnId: PnId | undefined): boolean {
    const heardAtMs = this.#heardAtMs.get(pnId ?? '') ?? Number.NEGATIVE_INFINITY;
    return this.#options.clock.monotonicMs() - heardAtMs < SILENT_AFTER_MS;
  }

  /** Seals a message of this device and sends it, once. False: it cannot leave now. */
  send(sgId: SgId, message: ApplicationData): boolean {
    const { book, traffic, self, carry } = this.#options;
    const record = book.get(sgId);
    if (record === undefined || this.silence(sgId) !== undefined) return false;
    const sealed = traffic.seal(sgId, toOctets(pnDataContent, { data: message }));
    return sealed !== undefined && carry(throughPn(record), { sgId: sgIdOctets(sgId), from: self, message: sealed });
  }

  /** A message of a member, which came in that PN, or at the PN GW itself. */
  take(pnId: PnId | undefined, body: BodyOf<typeof sgData>): void {
    void this.#take(pnId, body).catch((error) => {
      this.#options.logger.info('a message of a service group was dropped', { from: body.from, why: describeError(error) });
      if (error instanceof CpnsError && KEY_MISSED.has(error.code)) this.#hold(body);
    });
  }

  /** There is another Group Key now: what waited for it is taken. */
  keysChanged(sgId: SgId): void {
    const record = this.#options.book.get(sgId);
    const held = this.#held.get(sgId) ?? [];
    this.#held.delete(sgId);
    if (record !== undefined) for (const body of held) this.take(throughPn(record), body);
    this.#options.released();
  }

  forget(sgId: SgId): void {
    this.#held.delete(sgId);
  }

  async #take(pnId: PnId | undefined, body: BodyOf<typeof sgData>): Promise<void> {
    const { book, traffic, received } = this.#options;
    const sgId = sgIdText(body.sgId);
    const record = book.get(sgId);
    if (record === undefined || throughPn(record) !== pnId) {
      throw new CpnsError('State', 'NotInGroup', 'This device is not in that service group, or not through that network.');
    }
    const opened = traffic.open(sgId, body.message, body.from);
    await received(saidIn(sgId, opened), pnId);
  }

  #hold(body: BodyOf<typeof sgData>): void {
    const { clock } = this.#options;
    const sgId = sgIdText(body.sgId);
    const held = this.#held.get(sgId) ?? [];
    if (held.length === 0) clock.after(KEY_LATE_MS, () => void this.#askForKeys(sgId, held));
    if (held.length < HELD_MAX) held.push(body);
    this.#held.set(sgId, held);
  }

  /** Once: a message under a key that the server does not know either is dropped. */
  async #askForKeys(sgId: SgId, held: BodyOf<typeof sgData>[]): Promise<void> {
    const { upkeep } = this.#options;
    if (this.#held.get(sgId) !== held) return;
    upkeep.keysDue(sgId, ResyncReason.Gap);
    await upkeep.settled(sgId);
    if (this.#held.get(sgId) === held) this.#held.delete(sgId);
  }
}

/** What somebody said in a group. @throws CpnsError Codec, Auth/WrongAddressee */
export function saidIn(sgId: SgId, { content, idSender }: Pick<OpenedMessage, 'content' | 'idSender'>): ApplicationData {
  const { data } = fromOctets(pnDataContent, content, 'SG Data');
  const fits = data?.from === idSender && data.to === Addressee.Group && data.group !== undefined && sgIdText(data.group) === sgId;
  if (data === undefined || !fits)
    throw new CpnsError('Auth', 'WrongAddressee', 'The message is not for this group, or not from whom it says.');
  return data;
}

import {
  abortReason,
  type Clock,
  CpnsError,
  describeError,
  type EntityId,
  type Entropy,
  type Logger,
  type PnId,
  refused,
  sleep,
} from '@cpns/shared';
import {
  CONTENT_PART_OCTETS,
  type Content,
  type ContentPart,
  type ContentRequest,
  type PnDataContent,
  partCount,
  partOctets,
  Status,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { ContentSource } from './content-source.js';
import { type DeviceState, type PnRecord, PnState, pnIdText } from './device-state.js';

/** A part that has not come is asked for again after this time. */
const ASK_AGAIN_MS = 3_000;
/** Without any answer for so long a fetch is given up. */
const SILENCE_MS = 60_000;

/** Which content of whom. */
export interface Wish {
  readonly from: EntityId;
  /** Its id or its name. */
  readonly content: string;
  readonly pnId: PnId | undefined;
}

/** A content that another member offers. */
export interface Found {
  readonly pnId: PnId;
  readonly from: EntityId;
  readonly content: Content & { readonly size: number };
}

export interface ContentsOptions {
  readonly state: Pick<DeviceState, 'pn' | 'pns'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly source: ContentSource;
  /** Sends to a member, under the PN key. False: it cannot leave now. */
  say(pnId: PnId, to: EntityId, what: PnDataContent): boolean;
}

/**
 * Contents that members of a PN offer one another (protocol 0.19). Whoever wants one asks for it part by part; what is offered, its size
 * and its SHA-256 stand in the PN Inventory, which comes from the server.
 */
export class Contents {
  readonly #options: ContentsOptions;
  readonly #awaited = new Map<string, (part: ContentPart) => void>();
  readonly #fetching = new Set<EntityId>();
  readonly #serving = new Set<EntityId>();

  constructor(options: ContentsOptions) {
    this.#options = options;
  }

  /**
   * What is meant, as the PN Inventory has it.
   * @throws CpnsError State/UnknownPn, State/NoSuchContent, State/NotFetchable; State/WhichContent: several have that name
   */
  find({ from, content: wanted, pnId }: Wish): Found {
    const { state } = this.#options;
    if (pnId !== undefined && state.pn(pnId) === undefined)
      throw new CpnsError('State', 'UnknownPn', `This device is not in personal network ${pnId}: see "cpns-agent pn show".`);
    const pns = state
      .pns()
      .filter((record) => record.state === PnState.Established && (pnId ?? pnIdText(record.pnId)) === pnIdText(record.pnId));
    const offered = pns.flatMap((record) => contentsIn(record, from).map((content) => ({ pnId: pnIdText(record.pnId), content })));
    const byId = offered.filter(({ content }) => content.contentId === wanted);
    const fitting = byId.length > 0 ? byId : offered.filter(({ content }) => content.name === wanted);
    const [found] = fitting;
    if (found === undefined)
      throw new CpnsError('State', 'NoSuchContent', `${from} offers no "${wanted}" here: see what there is with "cpns-agent pn show".`);
    if (fitting.some(({ content }) => content.contentId !== found.content.contentId))
      throw new CpnsError('State', 'WhichContent', `${from} offers several of the name "${wanted}": name one by its id, or the network.`);
    const { size } = found.content;
    if (size === undefined || !/^[0-9a-f]{64}$/.test(found.content.contentId))
      throw new CpnsError('State', 'NotFetchable', `${from} names "${wanted}" without its size and SHA-256, so it cannot be fetched.`);
    return { pnId: found.pnId, from, content: { ...found.content, size } };
  }

  /**
   * Fetches a content part by part, in order; one at a time from each device. Octets are counted here, but only who has them all can
   * compare their SHA-256 with the id.
   * @throws CpnsError State/FetchBusy, State/ContentGone, State/Refused, Auth/ContentAltered, Timeout/NoContent, or the signal's reason
   */
  async fetch(found: Found, take: (payload: Uint8Array, part: number) => void, signal: AbortSignal): Promise<void> {
    const { from, content } = found;
    if (this.#fetching.has(from))
      throw new CpnsError('State', 'FetchBusy', `Something is being fetched from ${from} already: wait until that has ended.`, {
        retryable: true,
      });
    this.#fetching.add(from);
    try {
      for (let part = 0; part < partCount(content.size); part++) take(await this.#part(found, part, signal), part);
    } finally {
      this.#fetching.delete(from);
    }
  }

  async #part(found: Found, part: number, signal: AbortSignal): Promise<Uint8Array> {
    const { clock, entropy } = this.#options;
    const { from, content } = found;
    const id = entropy.bytes(16);
    const giveUpAtMs = clock.monotonicMs() + SILENCE_MS;
    while (clock.monotonicMs() < giveUpAtMs) {
      if (signal.aborted) throw abortReason(signal);
      this.#requireOffered(found);
      const answer = await this.#ask(found, { id, contentId: content.contentId, part }, signal);
      if (answer === undefined) continue;
      const { status, payload } = answer;
      if (status !== Status.Success) throw refused(status, `"${content.name}" of ${from}`);
      if (payload?.length === partOctets(content.size, part)) return payload;
      throw altered(found);
    }
    throw new CpnsError('Timeout', 'NoContent', `${from} has not answered for ${SILENCE_MS / 1000} s: fetch again when it is back.`);
  }

  /** Asks once. Undefined: no answer in time. */
  async #ask({ pnId, from }: Found, request: ContentRequest, signal: AbortSignal): Promise<ContentPart | undefined> {
    const key = keyOf(from, request.id);
    let answer: ContentPart | undefined;
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    signal.addEventListener('abort', stop, { once: true });
    this.#awaited.set(key, (part) => {
      answer = part;
      stop();
    });
    try {
      this.#options.say(pnId, from, { contentRequest: request });
      await sleep(this.#options.clock, ASK_AGAIN_MS, waiting.signal).catch(() => undefined);
      return answer;
    } finally {
      this.#awaited.delete(key);
      signal.removeEventListener('abort', stop);
    }
  }

  /** @throws CpnsError State/ContentGone */
  #requireOffered({ pnId, from, content }: Found): void {
    const record = this.#options.state.pn(pnId);
    if (record !== undefined && contentsIn(record, from).some(({ contentId }) => contentId === content.contentId)) return;
    throw new CpnsError(
      'State',
      'ContentGone',
      `${from} does not offer "${content.name}" here any more: it left, or it changed that content.`,
    );
  }

  /** A part has come; what nobody waits for is dropped. */
  answered(from: EntityId, part: ContentPart): void {
    this.#awaited.get(keyOf(from, part.id))?.(part);
  }

  /** A member asks for a part: one at a time for each, whoever asks for more meanwhile is not answered and asks again. */
  async asked(pnId: PnId, from: EntityId, request: ContentRequest): Promise<void> {
    if (this.#serving.has(from)) return;
    this.#serving.add(from);
    try {
      const part = await this.#serve(pnId, from, request);
      this.#options.say(pnId, from, { contentPart: { id: request.id, ...part } });
    } finally {
      this.#serving.delete(from);
    }
  }

  async #serve(pnId: PnId, from: EntityId, { contentId, part }: ContentRequest): Promise<Omit<ContentPart, 'id'>> {
    const { state, source, logger } = this.#options;
    if (!state.pn(pnId)?.members.some(({ entityId }) => entityId === from)) return { status: Status.NotMember };
    const size = source.list().find((content) => content.contentId === contentId)?.size;
    if (size === undefined) return { status: Status.UnknownContent };
    const length = partOctets(size, part);
    if (length === 0) return { status: Status.BadMessage };
    try {
      return { status: Status.Success, payload: await source.read(contentId, part * CONTENT_PART_OCTETS, length) };
    } catch (error) {
      logger.warn('a content that is offered could not be read', { content: contentId, why: describeError(error) });
      return { status: Status.UnknownContent };
    }
  }
}

/** What came is not what the PN Inventory says. */
export function altered({ from, content }: Found): CpnsError {
  return new CpnsError(
    'Auth',
    'ContentAltered',
    `What came is not the "${content.name}" that ${from} offers; nothing of it was kept. Fetch it again.`,
  );
}

function contentsIn({ members }: PnRecord, from: EntityId): readonly Content[] {
  return members.find(({ entityId }) => entityId === from)?.contents ?? [];
}

function keyOf(from: EntityId, id: Uint8Array): string {
  return `${from}/${toHex(id)}`;
}

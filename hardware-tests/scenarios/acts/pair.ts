import type { PairingEvent, PairingResult } from '@cpns/agent';
import { CpnsError } from '@cpns/shared';
import type { DeviceHandle } from '../../rigs/rig.js';

/** A device at which somebody sits. */
export type Seat = Pick<DeviceHandle, 'id' | 'request'>;

/** How the one at the second device answers. */
type Answer = 'as-shown' | 'wrong-code' | 'no';

interface Shown {
  readonly attempt: number;
  readonly code: string;
}

export interface PairOptions {
  /** Where the first device reaches the second; default: it finds it. */
  readonly address?: string;
  readonly answer?: Answer;
  /** The window stays open so long. Default: as long as it may. */
  readonly timeoutMs?: number;
  /** Asked after an attempt that failed, with the codes that were shown: do the people give up? Default: not before the windows close. */
  readonly giveUp?: (codes: readonly string[]) => boolean | Promise<boolean>;
  readonly onEvent?: (at: Seat, event: PairingEvent) => void;
}

export interface Pairing {
  readonly first: PairingResult;
  readonly second: PairingResult;
}

/** What becomes of the two windows; neither promise is ever left unhandled. */
export interface PairingOutcome {
  readonly first: PromiseSettledResult<PairingResult>;
  readonly second: PromiseSettledResult<PairingResult>;
  /** The codes that were shown, of both devices in turn. */
  readonly codes: readonly string[];
}

const MARGIN_MS = 30_000;
/** As long as the product's own. */
const WINDOW_MS = 120_000;

/** Opens the windows of two devices; a person at each types the code that the other one shows. */
export async function tryToPair(first: Seat, second: Seat, options: PairOptions = {}): Promise<PairingOutcome> {
  const { address, answer = 'as-shown', timeoutMs = WINDOW_MS, giveUp = () => false, onEvent = () => {} } = options;
  const shown = new Map<Seat, Shown>();
  const codes: string[] = [];
  const over = new AbortController();
  const say = (at: Seat, { attempt }: Shown, code: string, how: Answer) => {
    const typed = how === 'no' ? { type: 'no' as const } : { type: 'code' as const, code: how === 'as-shown' ? code : anotherThan(code) };
    // The attempt may be over by then; its window says so.
    at.request('pair.answer', { attempt, answer: typed }).catch(() => {});
  };
  const failed = async () => {
    if (await giveUp(codes)) over.abort(new CpnsError('State', 'Aborted', 'The people have given up.'));
  };
  const hear = (at: Seat, event: PairingEvent) => {
    onEvent(at, event);
    if (event.type === 'attempt-failed') {
      shown.delete(at);
      failed().catch(() => {});
    }
    if (event.type !== 'code') return;
    codes.push(event.code);
    shown.set(at, event);
    const [one, other] = [shown.get(first), shown.get(second)];
    if (one === undefined || other === undefined) return;
    say(first, one, other.code, 'as-shown');
    say(second, other, one.code, answer);
    shown.clear();
  };
  const open = (at: Seat, peer: string) =>
    at.request(
      'pair.peer',
      { peer, timeoutMs },
      { onEvent: (event) => hear(at, event), timeoutMs: timeoutMs + MARGIN_MS, signal: over.signal },
    );
  const [one, other] = await Promise.allSettled([open(first, address ?? second.id), open(second, first.id)]);
  return { first: one, second: other, codes };
}

/** Pairs two devices by code. @throws CpnsError what went wrong at either */
export async function pairByCode(first: Seat, second: Seat, options: PairOptions = {}): Promise<Pairing> {
  const outcome = await tryToPair(first, second, options);
  if (outcome.first.status === 'rejected') throw outcome.first.reason;
  if (outcome.second.status === 'rejected') throw outcome.second.reason;
  return { first: outcome.first.value, second: outcome.second.value };
}

/** Six digits, and not these. */
function anotherThan(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0');
}

/** Begins to show a pairing link at a device; `pairing` is what becomes of it. */
export async function showLink(at: Seat, timeoutMs = WINDOW_MS): Promise<{ link: string; pairing: Promise<PairingResult> }> {
  let pairing: Promise<PairingResult> | undefined;
  const link = await new Promise<string>((resolve, reject) => {
    const onEvent = (event: PairingEvent) => {
      if (event.type === 'link') resolve(event.link);
    };
    pairing = at.request('pair.link.show', { timeoutMs }, { onEvent, timeoutMs: timeoutMs + MARGIN_MS });
    pairing.catch(reject);
  });
  return { link, pairing: pairing as unknown as Promise<PairingResult> };
}

/** Takes a pairing link. */
export function takeLink(at: Seat, link: string, timeoutMs = WINDOW_MS): Promise<PairingResult> {
  return at.request('pair.link.take', { link, timeoutMs }, { timeoutMs: timeoutMs + MARGIN_MS });
}

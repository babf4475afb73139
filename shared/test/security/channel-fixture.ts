import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Clock, CryptoProvider } from '../../src/ports.js';
import {
  type ChannelRole,
  fromHex,
  nobleProvider,
  type OrderedRecordType,
  RECORD_TYPE,
  Secret,
  SecureChannel,
  type SecureChannelLimits,
} from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';

export interface KnownAnswer {
  readonly kind: string;
  readonly inputs: Readonly<Record<string, string | number>>;
  readonly outputs: Readonly<Record<string, string>>;
}

const FROZEN = JSON.parse(readFileSync(new URL('./known-answers.json', import.meta.url), 'utf8')) as KnownAnswer[];

/** The frozen answers of one kind. */
export function knownAnswers(kind: string): KnownAnswer[] {
  const cases = FROZEN.filter((answer) => answer.kind === kind);
  expect(cases.length, `answers of kind ${kind}`).toBeGreaterThan(0);
  return cases;
}

/** Reads the inputs of one answer in the form that the formulas take. */
export function reader({ inputs }: KnownAnswer) {
  const text = (name: string) => String(inputs[name]);
  return {
    text,
    number: (name: string) => Number(inputs[name]),
    octets: (name: string) => fromHex(text(name)),
    secret: (name: string) => new Secret(name, fromHex(text(name))),
    u64: (name: string) => BigInt(`0x${text(name)}`),
  };
}

/** A clock that stands where a test puts it. */
export class StoodClock implements Clock {
  nowMs = 5_000;
  monotonicMs(): number {
    return this.nowMs;
  }
  wallMs(): number {
    return 0;
  }
  after(): () => void {
    throw new Error('the security code sets no timers');
  }
}

export interface PairOptions {
  readonly provider?: CryptoProvider;
  readonly clock?: Clock;
  readonly type?: OrderedRecordType;
  readonly limits?: Partial<SecureChannelLimits>;
  /** Sessions of different seeds have different keys. */
  readonly seed?: string;
}

/** Both ends of one session. */
export function channelPair({
  provider = nobleProvider,
  clock = new StoodClock(),
  type = RECORD_TYPE.pan,
  limits,
  seed = 'one',
}: PairOptions = {}) {
  const entropy = new InsecureSeededEntropy(`channel ${seed}`);
  const [sk, th] = [entropy.bytes(32), entropy.bytes(32)];
  const end = (role: ChannelRole) => new SecureChannel({ provider, clock, type, role, sk: new Secret('SK', sk), th, limits });
  return { initiator: end('initiator'), responder: end('responder') };
}

export const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (content: Uint8Array): string => new TextDecoder().decode(content);

/** A copy with bit `bit` of octet `at` turned over. */
export function flipped(original: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = original.slice();
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}

/** The one error of a failed check. */
export function refusal(code: string): unknown {
  return expect.objectContaining({ name: 'CpnsError', family: 'Auth', code, status: 20, retryable: false });
}

import { type CborMap, type CborValue, decodeCbor, encodeCbor } from '@cpns/shared/messages';
import type { SeededChoices } from '@cpns/shared/testing';

const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 16, 20, 23, 24, 100, 255, 256, 1000, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
const BIG_NUMBERS = [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const LENGTHS = [0, 1, 8, 15, 16, 17, 31, 32, 33, 48, 64, 100, 1000, 16_384];
const TEXTS = [
  '',
  'a',
  'phone',
  'laptop',
  'server',
  '__proto__',
  'constructor',
  '0123456789abcdef',
  'x'.repeat(65),
  'é\u0000\n',
  '\u{1f4f1}',
];

/** Changes one thing in deterministic CBOR and keeps it deterministic, so that it comes past the codec; undefined: it is none. */
export function reshapeCbor(octets: Uint8Array, choices: SeededChoices): Uint8Array | undefined {
  let value: CborValue;
  try {
    value = decodeCbor(octets);
  } catch {
    return undefined;
  }
  return encodeCbor(changedAt(value, choices.below(countNodes(value)), choices));
}

function childrenOf(value: CborValue): readonly CborValue[] {
  if (Array.isArray(value)) return value as readonly CborValue[];
  return value instanceof Map ? [...(value as CborMap).values()] : [];
}

export function countNodes(value: CborValue): number {
  return childrenOf(value).reduce<number>((sum, child) => sum + countNodes(child), 1);
}

/** A copy of `value` in which the node of this number, counted from the outside, is another one. */
function changedAt(value: CborValue, number: number, choices: SeededChoices): CborValue {
  if (number === 0) return changed(value, choices);
  let left = number - 1;
  const visit = (child: CborValue): CborValue => {
    const size = left < 0 ? 0 : countNodes(child);
    const result = left >= 0 && left < size ? changedAt(child, left, choices) : child;
    left -= left < 0 ? 0 : size;
    return result;
  };
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(visit);
  return new Map([...(value as CborMap)].map(([key, child]) => [key, visit(child)]));
}

function changed(value: CborValue, choices: SeededChoices): CborValue {
  if (choices.chance(0.15)) return anyValue(choices);
  if (value instanceof Map) return changedMap(value, choices);
  if (Array.isArray(value)) return changedList(value as readonly CborValue[], choices);
  if (value instanceof Uint8Array) return changedOctets(value, choices);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return choices.chance(0.5) ? nextTo(value, choices) : choices.pick(NUMBERS);
  if (typeof value === 'string') return choices.chance(0.5) ? value.slice(0, choices.below(value.length + 1)) : choices.pick(TEXTS);
  return anyValue(choices);
}

function nextTo(number: number, choices: SeededChoices): number {
  return Math.min(Math.max(0, number + choices.pick([-1, 1])), Number.MAX_SAFE_INTEGER);
}

function anyValue(choices: SeededChoices): CborValue {
  return choices.pick<() => CborValue>([
    () => choices.pick(NUMBERS),
    () => choices.pick(BIG_NUMBERS),
    () => new Uint8Array(choices.pick(LENGTHS)).fill(choices.below(256)),
    () => choices.pick(TEXTS),
    () => choices.chance(0.5),
    () => [],
    () => new Map(),
  ])();
}

function changedMap(map: CborMap, choices: SeededChoices): CborMap {
  const copy = new Map(map);
  const key = choices.pick([...map.keys(), 0]);
  if (choices.chance(0.4)) copy.delete(key);
  else if (choices.chance(0.5)) copy.set(choices.pick(NUMBERS), anyValue(choices));
  else copy.set(nextTo(key, choices), map.get(key) ?? anyValue(choices));
  return copy;
}

function changedList(list: readonly CborValue[], choices: SeededChoices): CborValue {
  const at = choices.below(list.length + 1);
  if (list.length > 0 && choices.chance(0.4)) return [...list.slice(0, at), ...list.slice(at + 1)];
  const item = list.length > 0 ? choices.pick(list) : anyValue(choices);
  const times = choices.chance(0.1) ? choices.pick([32, 64, 65, 1000, 1001]) : 1;
  return [...list.slice(0, at), ...new Array<CborValue>(times).fill(item), ...list.slice(at)];
}

/** Octets that hold CBOR of their own are changed within it; others lose, gain or change some. */
function changedOctets(octets: Uint8Array, choices: SeededChoices): Uint8Array {
  const inner = octets.length > 1 && choices.chance(0.7) ? reshapeCbor(octets, choices) : undefined;
  if (inner !== undefined) return inner;
  if (choices.chance(0.3)) return octets.slice(0, choices.below(octets.length + 1));
  if (choices.chance(0.3)) return new Uint8Array([...octets, choices.below(256)]);
  const copy = octets.slice();
  if (copy.length > 0) copy[choices.below(copy.length)] = choices.below(256);
  return copy;
}

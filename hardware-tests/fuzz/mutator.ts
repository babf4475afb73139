import type { SeededChoices } from '@cpns/shared/testing';

/** No door takes more than 64 KiB at once; what is longer shows nothing new. */
const LONGEST = 70_000;
const INTERESTING = [
  0,
  1,
  2,
  15,
  16,
  17,
  23,
  24,
  31,
  32,
  127,
  128,
  255,
  256,
  4095,
  4096,
  16_384,
  32_767,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
];
const MOST_CHANGES = 6;

type Change = (octets: Uint8Array, choices: SeededChoices, others: readonly Uint8Array[]) => Uint8Array;

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A random part of the octets, mostly short. */
function someRange(octets: Uint8Array, choices: SeededChoices): [from: number, to: number] {
  const from = choices.below(octets.length + 1);
  const longest = choices.chance(0.8) ? Math.min(16, octets.length - from) : octets.length - from;
  return [from, from + choices.below(longest + 1)];
}

function randomOctets(length: number, choices: SeededChoices): Uint8Array {
  return Uint8Array.from({ length }, () => choices.below(256));
}

const flipBit: Change = (octets, choices) => {
  if (octets.length === 0) return octets;
  const at = choices.below(octets.length);
  octets[at] = (octets[at] as number) ^ (1 << choices.below(8));
  return octets;
};

const setOctet: Change = (octets, choices) => {
  if (octets.length > 0) octets[choices.below(octets.length)] = choices.below(256);
  return octets;
};

const truncate: Change = (octets, choices) => octets.slice(0, choices.below(octets.length + 1));

const remove: Change = (octets, choices) => {
  const [from, to] = someRange(octets, choices);
  return joined(octets.subarray(0, from), octets.subarray(to));
};

const duplicate: Change = (octets, choices) => {
  const [from, to] = someRange(octets, choices);
  const times = choices.chance(0.1) ? 2 + choices.below(200) : 1;
  const again = Array.from({ length: times }, () => octets.subarray(from, to));
  return joined(octets.subarray(0, to), ...again, octets.subarray(to));
};

const insert: Change = (octets, choices) => {
  const at = choices.below(octets.length + 1);
  return joined(octets.subarray(0, at), randomOctets(1 + choices.below(16), choices), octets.subarray(at));
};

/** Goes on as another input does. */
const splice: Change = (octets, choices, others) => {
  const other = choices.pick(others);
  return joined(octets.subarray(0, choices.below(octets.length + 1)), other.subarray(choices.below(other.length + 1)));
};

/** Overwrites a part with a part of another input. */
const transplant: Change = (octets, choices, others) => {
  const other = choices.pick(others);
  const [from, to] = someRange(other, choices);
  const at = choices.below(octets.length + 1);
  octets.set(other.subarray(from, Math.min(to, from + octets.length - at)), at);
  return octets;
};

/** Writes a number at which things go wrong, in 1, 2, 4 or 8 octets. */
const interestingNumber: Change = (octets, choices) => {
  const width = 1 << choices.below(4);
  if (octets.length < width) return octets;
  const at = choices.below(octets.length - width + 1);
  const value = BigInt(choices.pick(INTERESTING));
  const signed = choices.chance(0.2) ? -value : value;
  for (let i = 0; i < width; i++) octets[at + i] = Number((signed >> BigInt(8 * (width - 1 - i))) & 0xffn);
  return octets;
};

/** Finds a number that says how many octets follow, or may say so, and makes it a lie. */
const lieAboutLength: Change = (octets, choices) => {
  const places: number[] = [];
  for (let at = 0; at + 1 < octets.length; at++) {
    const left = octets.length - at - 2;
    const value = (octets[at] as number) * 256 + (octets[at + 1] as number);
    if (value > 0 && value <= left && left - value < 64) places.push(at);
  }
  if (places.length === 0) return interestingNumber(octets, choices, []);
  const at = choices.pick(places);
  const value = (octets[at] as number) * 256 + (octets[at + 1] as number);
  const lie = choices.chance(0.5) ? value + choices.pick([-1, 1, -16, 16, 256]) : choices.pick([0, 65_535, octets.length]);
  octets[at] = (lie >> 8) & 0xff;
  octets[at + 1] = lie & 0xff;
  return octets;
};

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setOctet,
  truncate,
  remove,
  duplicate,
  insert,
  splice,
  transplant,
  interestingNumber,
  lieAboutLength,
];

/** Makes inputs out of a corpus: the same ones, in the same order, for the same choices. */
export class Mutator {
  readonly #choices: SeededChoices;
  readonly #corpus: readonly Uint8Array[];
  readonly #tokens: readonly Uint8Array[];
  readonly #reshape: (data: Uint8Array, choices: SeededChoices) => Uint8Array | undefined;

  /** `corpus` must not be empty. */
  constructor(
    choices: SeededChoices,
    corpus: readonly Uint8Array[],
    tokens: readonly string[] = [],
    reshape: (data: Uint8Array, choices: SeededChoices) => Uint8Array | undefined = () => undefined,
  ) {
    this.#choices = choices;
    this.#corpus = corpus;
    this.#tokens = tokens.map((token) => new TextEncoder().encode(token));
    this.#reshape = reshape;
  }

  next(): Uint8Array {
    const choices = this.#choices;
    if (choices.chance(0.01)) return randomOctets(choices.below(600), choices);
    let octets: Uint8Array = choices.pick(this.#corpus).slice();
    if (choices.chance(0.85)) octets = this.#reshaped(octets);
    else octets = this.#changed(octets);
    // Not sliced: a view into a larger buffer is what sockets hand out, too.
    return octets.length > LONGEST ? octets.subarray(0, LONGEST) : octets;
  }

  /** Within its form, and now and then broken afterwards. */
  #reshaped(octets: Uint8Array): Uint8Array {
    const choices = this.#choices;
    let shaped: Uint8Array | undefined = octets;
    for (let left = 1 + choices.below(MOST_CHANGES); left > 0 && shaped !== undefined; left--) shaped = this.#reshape(shaped, choices);
    if (shaped === undefined) return this.#changed(octets);
    return choices.chance(0.1) ? this.#changed(shaped.slice()) : shaped;
  }

  #changed(given: Uint8Array): Uint8Array {
    const choices = this.#choices;
    let octets = given;
    for (let left = 1 + choices.below(MOST_CHANGES); left > 0; left--) {
      octets =
        this.#tokens.length > 0 && choices.chance(0.3) ? this.#withToken(octets) : choices.pick(CHANGES)(octets, choices, this.#corpus);
      if (octets.length > LONGEST) octets = octets.slice(0, LONGEST);
    }
    return octets;
  }

  #withToken(octets: Uint8Array): Uint8Array {
    const choices = this.#choices;
    const at = choices.below(octets.length + 1);
    return joined(octets.subarray(0, at), choices.pick(this.#tokens), octets.subarray(at));
  }
}

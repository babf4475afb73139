import { CpnsError } from '../errors.js';
import { MAX_UPLINK_ENVELOPE } from '../messages/frame.js';
import type { Clock } from '../ports.js';
import { concat, toHex } from './bytes.js';
import { MAX_CONTENT } from './record.js';
import type { OpenedSkRecord } from './sk-record.js';

/** `index(1) | count(1)` stand before the octets of a part; the first index is 0. */
const PART_HEADER_LENGTH = 2;

/** Octets in one record of a PNE at most, in either direction: padded, and in a Relay, it fits into a frame of a PAN hop. */
export const RELAYED_CONTENT = 8_191;
/** The longest envelope in the records of a PNE. */
const MAX_PARTS = Math.ceil(MAX_UPLINK_ENVELOPE / (RELAYED_CONTENT - PART_HEADER_LENGTH));

/**
 * Contents of at most `maxContent` octets for the records (inner type 2) that carry `envelope`.
 * @throws CpnsError Internal/BadLength when it has more than 65,536 octets, or needs more than nine records
 */
export function splitEnvelope(envelope: Uint8Array, maxContent: number = MAX_CONTENT): Uint8Array[] {
  const octets = maxContent - PART_HEADER_LENGTH;
  const count = Math.ceil(envelope.length / octets);
  if (envelope.length > MAX_UPLINK_ENVELOPE || count > MAX_PARTS) {
    throw new CpnsError('Internal', 'BadLength', `An envelope of ${envelope.length} octets is too long for records of ${maxContent}.`);
  }
  return Array.from({ length: count }, (_, index) =>
    concat(new Uint8Array([index, count]), envelope.subarray(index * octets, (index + 1) * octets)),
  );
}

interface Assembly {
  readonly sinceMs: number;
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
  octets: number;
}

const MAX_ASSEMBLIES = 4;
const ASSEMBLY_MS = 60_000;

/**
 * Puts the parts of envelopes of one session together, in whatever order they come. The number of a record minus the index of its part
 * is the same for all parts of one envelope. At most 4 envelopes are incomplete at a time, each for 60 s; the oldest gives way.
 */
export class EnvelopeReassembler {
  readonly #clock: Clock;
  readonly #open = new Map<string, Assembly>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The envelope when this was its last missing part. A part that fits nowhere is dropped. */
  accept({ inst, seq, content }: OpenedSkRecord): Uint8Array | undefined {
    this.#dropOld();
    const [index, count] = content;
    if (index === undefined || count === undefined || count > MAX_PARTS || index >= count) return undefined;
    const name = `${toHex(inst)} ${seq - BigInt(index)} ${count}`;
    const assembly = this.#open.get(name) ?? this.#begin(name, count);
    if (assembly.parts[index] !== undefined) return undefined;
    assembly.parts[index] = content.subarray(PART_HEADER_LENGTH);
    assembly.octets += content.length - PART_HEADER_LENGTH;
    assembly.missing--;
    if (assembly.octets > MAX_UPLINK_ENVELOPE) this.#open.delete(name);
    else if (assembly.missing === 0) {
      this.#open.delete(name);
      return concat(...(assembly.parts as Uint8Array[]));
    }
    return undefined;
  }

  #begin(name: string, count: number): Assembly {
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < MAX_ASSEMBLIES) break;
      this.#open.delete(oldest);
    }
    const assembly = { sinceMs: this.#clock.monotonicMs(), parts: new Array<undefined>(count).fill(undefined), missing: count, octets: 0 };
    this.#open.set(name, assembly);
    return assembly;
  }

  #dropOld(): void {
    for (const [name, { sinceMs }] of this.#open) {
      if (this.#clock.monotonicMs() - sinceMs >= ASSEMBLY_MS) this.#open.delete(name);
    }
  }
}

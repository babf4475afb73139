import { MAX_UPLINK_ENVELOPE } from '@cpns/shared/messages';
import { concat, EnvelopeReassembler, INNER_TYPE, splitEnvelope } from '@cpns/shared/security';
import { VirtualClock } from '@cpns/shared/testing';
import { must, sameOctets } from '../oracle.js';
import type { FuzzTarget } from '../target.js';

/** Parts as one input: of each `seq(2) sender(1) length(2) content`. */
function written(parts: readonly Uint8Array[], firstSeq: number): Uint8Array {
  return concat(
    ...parts.map((part, i) => concat(new Uint8Array([(firstSeq + i) >> 8, firstSeq + i, 0, part.length >> 8, part.length]), part)),
  );
}

interface Part {
  readonly seq: number;
  readonly sender: number;
  readonly content: Uint8Array;
}

function* partsIn(data: Uint8Array): Generator<Part> {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at + 5 <= data.length; ) {
    const length = view.getUint16(at + 3);
    yield { seq: view.getUint16(at), sender: view.getUint8(at + 2), content: data.subarray(at + 5, at + 5 + length) };
    at += 5 + length;
  }
}

const GENUINE = new Uint8Array(3_000).map((_, i) => i);
const SENDER = new Uint8Array(8).fill(0xff);

export const parts: FuzzTarget = {
  name: 'parts',
  title: 'parts of envelopes, put together in whatever order they come',
  seeds: () =>
    new Map([
      ['two', written(splitEnvelope(GENUINE, 1_502), 1)],
      ['five', written(splitEnvelope(GENUINE, 700), 0)],
      ['nine', written(splitEnvelope(GENUINE, 340), 300)],
      ['backwards', written(splitEnvelope(GENUINE, 1_002), 7).slice()],
      ['twice', concat(written(splitEnvelope(GENUINE, 1_502), 1), written(splitEnvelope(GENUINE, 1_502), 1))],
    ]),
  open() {
    const reassembler = new EnvelopeReassembler(new VirtualClock());
    let genuineSeq = 0n;
    return {
      fuzz(data) {
        for (const { seq, sender, content } of partsIn(data)) {
          const record = { inst: new Uint8Array(8).fill(sender & 7), seq: BigInt(seq), innerType: INNER_TYPE.part, content };
          const envelope = reassembler.accept(record);
          must(envelope === undefined || envelope.length <= MAX_UPLINK_ENVELOPE, 'an envelope is too long');
        }
        const [first, second] = splitEnvelope(GENUINE, 1_502).map((content, i) =>
          reassembler.accept({ inst: SENDER, seq: genuineSeq + BigInt(i), innerType: INNER_TYPE.part, content }),
        );
        genuineSeq += 2n;
        must(first === undefined && second !== undefined && sameOctets(second, GENUINE), 'an honest envelope was not put together');
      },
    };
  },
};

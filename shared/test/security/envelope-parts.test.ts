import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EnvelopeReassembler, INNER_TYPE, splitEnvelope } from '../../src/security/index.js';
import { octets, StoodClock, textOf } from './channel-fixture.js';

const instA = new Uint8Array(8).fill(1);
const instB = new Uint8Array(8).fill(2);

function part(seq: number, index: number, count: number, content: Uint8Array | string, inst = instA) {
  const body = typeof content === 'string' ? octets(content) : content;
  return { inst, seq: BigInt(seq), innerType: INNER_TYPE.part, content: Uint8Array.of(index, count, ...body) };
}

describe('parts of an envelope', () => {
  it('fill their records', () => {
    const parts = splitEnvelope(new Uint8Array(20_000).fill(9));
    expect(parts.map((one) => [one[0], one[1], one.length])).toEqual([
      [0, 2, 16_384],
      [1, 2, 3_620],
    ]);
  });

  it('fill smaller records, which carry the longest envelope too', () => {
    expect(splitEnvelope(new Uint8Array(20_000), 8_191).map((one) => one.length)).toEqual([8_191, 8_191, 3_624]);
    const longest = new Uint8Array(65_536).map((_, index) => index % 251);
    const reassembler = new EnvelopeReassembler(new StoodClock());
    const put = splitEnvelope(longest, 8_191).map((content, index) => reassembler.accept({ ...part(100 + index, 0, 1, ''), content }));
    expect(put.pop()).toEqual(longest);
    expect(() => splitEnvelope(new Uint8Array(65_537), 8_191)).toThrow('too long');
    expect(() => splitEnvelope(longest, 7_000)).toThrow('too long');
  });

  it('are put together by the number of their first record', () => {
    const reassembler = new EnvelopeReassembler(new StoodClock());
    expect(reassembler.accept(part(11, 1, 2, 'world'))).toBeUndefined();
    expect(textOf(reassembler.accept(part(10, 0, 2, 'hello ')) ?? octets(''))).toBe('hello world');
  });

  it('of different senders, positions or counts do not mix', () => {
    const reassembler = new EnvelopeReassembler(new StoodClock());
    reassembler.accept(part(10, 0, 2, 'a'));
    expect(reassembler.accept(part(11, 1, 2, 'b', instB))).toBeUndefined();
    expect(reassembler.accept(part(12, 1, 2, 'b'))).toBeUndefined();
    expect(reassembler.accept(part(11, 1, 3, 'b'))).toBeUndefined();
    expect(textOf(reassembler.accept(part(11, 1, 2, 'b')) ?? octets(''))).toBe('ab');
  });

  it('that cannot be are dropped', () => {
    const reassembler = new EnvelopeReassembler(new StoodClock());
    expect(reassembler.accept({ ...part(0, 0, 1, ''), content: new Uint8Array(0) })).toBeUndefined();
    expect(reassembler.accept({ ...part(0, 0, 1, ''), content: Uint8Array.of(0) })).toBeUndefined();
    expect(reassembler.accept(part(0, 0, 0, 'x'))).toBeUndefined();
    expect(reassembler.accept(part(5, 2, 2, 'x'))).toBeUndefined();
    expect(reassembler.accept(part(3, 0, 2, 'x'))).toBeUndefined();
    for (let index = 0; index < 10; index++) expect(reassembler.accept(part(10 + index, index, 10, 'x'))).toBeUndefined();
  });

  it('keep their first content when one comes again', () => {
    const reassembler = new EnvelopeReassembler(new StoodClock());
    reassembler.accept(part(10, 0, 2, 'first '));
    reassembler.accept(part(10, 0, 2, 'other '));
    expect(textOf(reassembler.accept(part(11, 1, 2, 'second')) ?? octets(''))).toBe('first second');
  });

  it('never make more than 65,536 octets', () => {
    const reassembler = new EnvelopeReassembler(new StoodClock());
    for (let index = 0; index < 4; index++) reassembler.accept(part(index, index, 5, new Uint8Array(16_382)));
    expect(reassembler.accept(part(4, 4, 5, new Uint8Array(9)))).toBeUndefined();
    const exact = new EnvelopeReassembler(new StoodClock());
    for (let index = 0; index < 4; index++) exact.accept(part(index, index, 5, new Uint8Array(16_382)));
    expect(exact.accept(part(4, 4, 5, new Uint8Array(8)))?.length).toBe(65_536);
  });

  it('wait for 60 s, and at most four envelopes at a time', () => {
    const clock = new StoodClock();
    const reassembler = new EnvelopeReassembler(clock);
    reassembler.accept(part(0, 0, 2, 'old'));
    clock.nowMs += 60_000;
    expect(reassembler.accept(part(1, 1, 2, 'late'))).toBeUndefined();
    for (const seq of [10, 20, 30, 40]) reassembler.accept(part(seq, 0, 2, `${seq} `));
    expect(reassembler.accept(part(11, 1, 2, 'gone'))).toBeDefined();
    for (const seq of [50, 60]) reassembler.accept(part(seq, 0, 2, `${seq} `));
    expect(reassembler.accept(part(21, 1, 2, 'pushed out'))).toBeUndefined();
    expect(textOf(reassembler.accept(part(61, 1, 2, 'newest')) ?? octets(''))).toBe('60 newest');
  });

  it('come out whole and once, in whatever order they come, however often, and with others in between', () => {
    const envelope = fc.uint8Array({ minLength: 1, maxLength: 600 });
    fc.assert(
      fc.property(
        fc.array(envelope, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 70, max: 300 }),
        fc.infiniteStream(fc.nat()),
        (envelopes, max, order) => {
          const sent = envelopes.flatMap((one, n) =>
            splitEnvelope(one, max).map((content, i) => ({ ...part(1_000 * n + i, 0, 1, ''), content })),
          );
          const mixed = sent.map((one) => [order.next().value, one] as const).sort(([a], [b]) => a - b);
          const reassembler = new EnvelopeReassembler(new StoodClock());
          const whole = mixed.flatMap(([, one]) => reassembler.accept(one) ?? []);
          expect(whole.map(String).sort()).toEqual(envelopes.map(String).sort());
        },
      ),
    );
  });

  it('that come again begin nothing that could end in another envelope', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 200, maxLength: 600 }), fc.array(fc.nat(8), { maxLength: 40 }), (octets, order) => {
        const parts = splitEnvelope(octets, 80).map((content, i) => ({ ...part(50 + i, 0, 1, ''), content }));
        const reassembler = new EnvelopeReassembler(new StoodClock());
        for (const at of order) {
          const whole = reassembler.accept(parts[at % parts.length] as (typeof parts)[number]);
          if (whole !== undefined) expect(whole).toEqual(octets);
        }
      }),
    );
  });
});

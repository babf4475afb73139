import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeProvider } from '../../src/node/index.js';
import {
  INNER_TYPE,
  nobleProvider,
  openOrderedRecord,
  RECORD_TYPE,
  type SecureChannel,
  sealOrderedRecord,
} from '../../src/security/index.js';
import { channelPair, flipped, octets, type PairOptions, refusal, textOf } from './channel-fixture.js';

const provider = nativeProvider;
const fast = (options: PairOptions = {}) => channelPair({ provider, ...options });

/** A receiver that has opened the first `count` of `records`. */
function receiverAt(records: readonly Uint8Array[], count: number, options: PairOptions = {}): SecureChannel {
  const { responder } = fast(options);
  for (const record of records.slice(0, count)) responder.open(record);
  return responder;
}

function expectRefused(receiver: SecureChannel, record: Uint8Array): void {
  expect(() => receiver.open(record)).toThrow(refusal('RecordRefused'));
  expect(receiver.closed).toBe(true);
}

describe('an attacker on an ordered link', () => {
  const limits = { recordsPerEpoch: 30 };
  const sender = fast({ limits }).initiator;
  const records = Array.from({ length: 100 }, (_, count) =>
    sender.seal(INNER_TYPE.envelope, octets(`record ${count} `.repeat(1 + (count % 4))), { pad: count % 2 === 0 }),
  );

  it('cannot alter any octet of 100 records', () => {
    records.forEach((record, count) => {
      for (let at = 0; at < record.length; at++) expectRefused(receiverAt(records, count), flipped(record, at, (at + count) % 8));
    });
  });

  it.each([0, 29, 30, 31])('cannot alter any bit of record %i', (count) => {
    const record = records[count] as Uint8Array;
    for (let at = 0; at < record.length; at++) {
      for (let bit = 0; bit < 8; bit++) expectRefused(receiverAt(records, count), flipped(record, at, bit));
    }
  });

  it('cannot shorten or lengthen a record, with or without a corrected length', () => {
    const record = records[0] as Uint8Array;
    for (let length = 0; length < record.length; length++) {
      const cut = record.slice(0, length);
      expectRefused(receiverAt(records, 0), cut);
      if (length < 8) continue;
      cut[6] = (length - 8) >>> 8;
      cut[7] = length - 8;
      expectRefused(receiverAt(records, 0), cut);
    }
    for (const extra of [1, 16, 20_000]) expectRefused(receiverAt(records, 0), Uint8Array.of(...record, ...new Uint8Array(extra)));
  });

  it('cannot drop a record unnoticed', () => {
    for (const count of [0, 28, 29, 30, 98]) expectRefused(receiverAt(records, count), records[count + 1] as Uint8Array);
  });

  it('cannot repeat a record', () => {
    for (const count of [1, 29, 30, 31, 60, 100]) {
      expectRefused(receiverAt(records, count), records[count - 1] as Uint8Array);
      expectRefused(receiverAt(records, count), records[0] as Uint8Array);
    }
  });

  it('cannot change the order of records', () => {
    expectRefused(receiverAt(records, 10), records[11] as Uint8Array);
    expectRefused(receiverAt(records, 29), records[30] as Uint8Array);
  });

  it('cannot reflect a record to its sender', () => {
    for (const type of [RECORD_TYPE.pan, RECORD_TYPE.link]) {
      const { initiator, responder } = fast({ type });
      expectRefused(initiator, initiator.seal(INNER_TYPE.ping, octets('echo')));
      expectRefused(responder, responder.seal(INNER_TYPE.ping, octets('echo')));
    }
  });

  it('cannot carry a record into another session, or from the link session into the PAN session', () => {
    const record = fast({ seed: 'two' }).initiator.seal(INNER_TYPE.ping, octets('stray'));
    expectRefused(receiverAt(records, 0), record);
    const renamed = record.slice();
    renamed.set(fast().responder.sid, 1);
    expectRefused(receiverAt(records, 0), renamed);
    const linkRecord = fast({ type: RECORD_TYPE.link }).initiator.seal(INNER_TYPE.ping, octets('stray'));
    expectRefused(receiverAt(records, 0), linkRecord);
    linkRecord[0] = RECORD_TYPE.pan;
    expectRefused(receiverAt(records, 0), linkRecord);
  });

  it('cannot make a receiver skip a key epoch, go back to one, or run past the last', () => {
    expectRefused(receiverAt(records, 0), records[60] as Uint8Array);
    const back = records[31]?.slice() as Uint8Array;
    back[5] = 0;
    expectRefused(receiverAt(records, 31), back);
    const one = { recordsPerEpoch: 1 };
    const { initiator } = fast({ limits: one });
    const all = Array.from({ length: 256 }, () => initiator.seal(INNER_TYPE.ping, octets('x')));
    const wrapped = all[0]?.slice() as Uint8Array;
    wrapped[5] = 0;
    expectRefused(receiverAt(all, 256), wrapped);
  });

  it('moves the key epoch of a receiver only with a tag that verifies', () => {
    const forged = records[30]?.slice() as Uint8Array;
    forged[20] = (forged[20] ?? 0) ^ 1;
    const receiver = receiverAt(records, 30);
    expectRefused(receiver, forged);
    const claimed = records[10]?.slice() as Uint8Array;
    claimed[5] = 1;
    expectRefused(receiverAt(records, 10), claimed);
  });

  it('gets nowhere with a clear frame in place of a record', () => {
    expectRefused(receiverAt(records, 0), Uint8Array.of(0, ...(records[0] as Uint8Array).slice(1)));
  });

  it('whatever it does, only a beginning of what was sent is accepted, and nothing after the first forgery', () => {
    const other = fast({ seed: 'two' }).initiator;
    const strays = records.map(() => other.seal(INNER_TYPE.ping, octets('stray')));
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.constant({ kind: 'pass' } as const) },
      fc.record({ kind: fc.constantFrom('drop', 'swap', 'repeat', 'stray', 'reflect') }),
      fc.record({ kind: fc.constant('flip'), at: fc.nat(300), bit: fc.nat(7) }),
      fc.record({ kind: fc.constant('cut'), at: fc.nat(300) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { initiator, responder } = fast({ limits: { recordsPerEpoch: 4 } });
        const sent: string[] = [];
        const onWire: Uint8Array[] = [];
        let seen: Uint8Array = strays[0] as Uint8Array;
        steps.forEach((move, count) => {
          sent.push(`message ${count}`);
          const record = initiator.seal(INNER_TYPE.envelope, octets(`message ${count}`));
          if (move.kind === 'pass') onWire.push(record);
          if (move.kind === 'swap') onWire.splice(Math.max(0, onWire.length - 1), 0, record);
          if (move.kind === 'repeat') onWire.push(record, seen);
          if (move.kind === 'stray') onWire.push(strays[count] as Uint8Array, record);
          if (move.kind === 'reflect' && !responder.closed) onWire.push(responder.seal(INNER_TYPE.envelope, octets('own')), record);
          if (move.kind === 'flip' && 'bit' in move) onWire.push(flipped(record, move.at % record.length, move.bit));
          if (move.kind === 'cut' && 'at' in move) onWire.push(record.slice(0, move.at % record.length));
          seen = record;
        });
        const accepted: string[] = [];
        let refusedAt: number | undefined;
        onWire.forEach((record, index) => {
          try {
            accepted.push(textOf(responder.open(record).content));
            expect(refusedAt).toBeUndefined();
          } catch (error) {
            expect(error).toMatchObject({ code: refusedAt === undefined ? 'RecordRefused' : 'ChannelClosed' });
            refusedAt ??= index;
          }
        });
        expect(accepted).toEqual(sent.slice(0, accepted.length));
        if (steps.every(({ kind }) => kind === 'pass')) expect(accepted).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the formula of one record', () => {
  it('opens only with the right key, number, type and length', () => {
    const keys = { key: new Uint8Array(32).fill(1), iv: new Uint8Array(12).fill(2) };
    const inputs = { type: RECORD_TYPE.pan, sid: Uint8Array.of(1, 2, 3, 4), keyEpoch: 0, seq: 2n ** 32n + 1n, innerType: 1, padding: 3 };
    const { header, sealed } = sealOrderedRecord(nobleProvider, keys, { ...inputs, content: octets('content') });
    const record = Uint8Array.of(...header, ...sealed);
    const open = (seq: bigint, type = inputs.type as 1 | 2, octetsOfRecord = record) =>
      openOrderedRecord(nobleProvider, keys, seq, type, octetsOfRecord);
    expect(open(inputs.seq)).toEqual({ innerType: 1, content: octets('content') });
    expect(open(1n)).toBeUndefined();
    expect(open(inputs.seq, RECORD_TYPE.link)).toBeUndefined();
    expect(open(inputs.seq, RECORD_TYPE.pan, record.slice(1))).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { INNER_TYPE, nobleProvider, RECORD_TYPE, Secret, SecureChannel } from '../../src/security/index.js';
import { RecordingProvider } from '../../src/testing/index.js';
import { channelPair, octets, refusal, StoodClock, textOf } from './channel-fixture.js';

const HOUR_MS = 3_600_000;
const mustRehandshake = expect.objectContaining({ family: 'State', code: 'MustRehandshake' });
const closed = expect.objectContaining({ family: 'State', code: 'ChannelClosed' });
const epochOf = (record: Uint8Array) => record[5];

describe('secure channel', () => {
  it.each([RECORD_TYPE.pan, RECORD_TYPE.link])('carries records of type %i both ways, in order', (type) => {
    const { initiator, responder } = channelPair({ type });
    for (let round = 0; round < 20; round++) {
      expect(textOf(responder.open(initiator.seal(INNER_TYPE.envelope, octets(`to ${round}`))).content)).toBe(`to ${round}`);
      expect(textOf(initiator.open(responder.seal(INNER_TYPE.part, octets(`fro ${round}`))).content)).toBe(`fro ${round}`);
    }
  });

  it('keeps inner types and empty contents', () => {
    const { initiator, responder } = channelPair();
    for (const innerType of Object.values(INNER_TYPE)) {
      expect(responder.open(initiator.seal(innerType, new Uint8Array(0)))).toEqual({ innerType, content: new Uint8Array(0) });
    }
  });

  it('pads by default to buckets, and not when told so', () => {
    const { initiator } = channelPair();
    const length = (content: number, pad?: boolean) =>
      initiator.seal(INNER_TYPE.envelope, new Uint8Array(content), pad === undefined ? undefined : { pad }).length;
    expect(length(0)).toBe(8 + 64 + 16);
    expect(length(63)).toBe(8 + 64 + 16);
    expect(length(64)).toBe(8 + 128 + 16);
    expect(length(64, true)).toBe(8 + 128 + 16);
    expect(length(64, false)).toBe(8 + 65 + 16);
    expect(length(16_384)).toBe(16_409);
  });

  it('takes contents of every size around the limits, back to back', () => {
    const { initiator, responder } = channelPair();
    for (const size of [16_384, 0, 16_383, 1, 300, 8_192, 63, 64, 65]) {
      for (const pad of [true, false]) {
        const content = new Uint8Array(size).fill(size & 0xff);
        expect(responder.open(initiator.seal(INNER_TYPE.envelope, content, { pad })).content).toEqual(content);
      }
    }
  });

  it('refuses to seal more than 16,384 octets, and goes on', () => {
    const { initiator, responder } = channelPair();
    const badLength = expect.objectContaining({ family: 'Internal', code: 'BadLength' });
    expect(() => initiator.seal(INNER_TYPE.envelope, new Uint8Array(16_385))).toThrow(badLength);
    expect(textOf(responder.open(initiator.seal(INNER_TYPE.envelope, octets('next'))).content)).toBe('next');
  });

  it('hands out octets that nothing overwrites later', () => {
    const { initiator, responder } = channelPair();
    const records = ['first', 'second', 'third'].map((text) => initiator.seal(INNER_TYPE.envelope, octets(text)));
    const copies = records.map((record) => record.slice());
    const contents = records.map((record) => responder.open(record).content);
    expect(records).toEqual(copies);
    expect(contents.map(textOf)).toEqual(['first', 'second', 'third']);
  });

  it('has an sid of its own that no caller can change', () => {
    const { initiator, responder } = channelPair();
    expect(initiator.sid).toEqual(responder.sid);
    expect(initiator.sid.length).toBe(4);
    initiator.sid.fill(0);
    responder.sid.fill(1);
    expect(textOf(responder.open(initiator.seal(INNER_TYPE.envelope, octets('still'))).content)).toBe('still');
  });

  it('erases SK as soon as its keys are derived', () => {
    const sk = new Secret('SK_L', new Uint8Array(32).fill(7));
    const role = 'initiator';
    new SecureChannel({ provider: nobleProvider, clock: new StoodClock(), type: RECORD_TYPE.pan, role, sk, th: new Uint8Array(32) });
    expect(sk.erased).toBe(true);
  });

  it('seals and opens nothing after it was erased, which may be done twice', () => {
    const { initiator, responder } = channelPair();
    const record = initiator.seal(INNER_TYPE.ping, new Uint8Array(0));
    responder.erase();
    responder.erase();
    expect(responder.closed).toBe(true);
    expect(responder.mustRehandshake).toBe(true);
    expect(() => responder.open(record)).toThrow(closed);
    expect(() => responder.seal(INNER_TYPE.pong, new Uint8Array(0))).toThrow(closed);
  });

  it('is closed by the first record it refuses', () => {
    const { initiator, responder } = channelPair();
    const good = initiator.seal(INNER_TYPE.ping, new Uint8Array(0));
    expect(() => responder.open(new Uint8Array(64))).toThrow(refusal('RecordRefused'));
    expect(responder.closed).toBe(true);
    expect(() => responder.open(good)).toThrow(closed);
    expect(() => responder.seal(INNER_TYPE.pong, new Uint8Array(0))).toThrow(closed);
  });

  it('takes lower limits, but no higher or impossible ones', () => {
    expect(() => channelPair({ limits: { recordsPerEpoch: 1 } })).not.toThrow();
    expect(() => channelPair({ limits: { sessionMs: 0 } })).not.toThrow();
    const badLimit = expect.objectContaining({ family: 'Internal', code: 'BadLimit' });
    for (const recordsPerEpoch of [2 ** 20 + 1, 0.5, -1, Number.NaN]) {
      expect(() => channelPair({ limits: { recordsPerEpoch } })).toThrow(badLimit);
    }
    expect(() => channelPair({ limits: { sessionMs: 24 * HOUR_MS + 1 } })).toThrow(badLimit);
  });
});

describe('key update', () => {
  it('comes after the limit of records, in each direction by itself, without a word to the peer', () => {
    const { initiator, responder } = channelPair({ limits: { recordsPerEpoch: 3 } });
    const epochs: unknown[] = [];
    for (let count = 0; count < 8; count++) {
      const record = initiator.seal(INNER_TYPE.envelope, octets(`${count}`));
      epochs.push(epochOf(record));
      expect(textOf(responder.open(record).content)).toBe(`${count}`);
    }
    expect(epochs).toEqual([0, 0, 0, 1, 1, 1, 2, 2]);
    const answer = responder.seal(INNER_TYPE.envelope, octets('answer'));
    expect(epochOf(answer)).toBe(0);
    expect(textOf(initiator.open(answer).content)).toBe('answer');
  });

  it('comes after the limit of octets', () => {
    const { initiator, responder } = channelPair({ limits: { octetsPerEpoch: 128 } });
    const epochs = Array.from({ length: 5 }, () => {
      const record = initiator.seal(INNER_TYPE.envelope, octets('64 octets of plain'));
      responder.open(record);
      return epochOf(record);
    });
    expect(epochs).toEqual([0, 0, 1, 1, 2]);
  });

  it('comes after an hour', () => {
    const clock = new StoodClock();
    const { initiator, responder } = channelPair({ clock });
    const epoch = () => {
      const record = initiator.seal(INNER_TYPE.ping, new Uint8Array(0));
      responder.open(record);
      return epochOf(record);
    };
    expect(epoch()).toBe(0);
    clock.nowMs += HOUR_MS - 1;
    expect(epoch()).toBe(0);
    clock.nowMs += 1;
    expect(epoch()).toBe(1);
    clock.nowMs += 5 * HOUR_MS;
    expect(epoch()).toBe(2);
    expect(epoch()).toBe(2);
  });

  it('may happen on both sides at once', () => {
    const { initiator, responder } = channelPair({ limits: { recordsPerEpoch: 1 } });
    for (let count = 0; count < 10; count++) {
      const [to, fro] = [initiator.seal(INNER_TYPE.ping, octets('to')), responder.seal(INNER_TYPE.pong, octets('fro'))];
      expect(textOf(initiator.open(fro).content)).toBe('fro');
      expect(textOf(responder.open(to).content)).toBe('to');
    }
  });

  it('never uses a key and nonce twice', () => {
    const provider = new RecordingProvider(nobleProvider);
    const { initiator, responder } = channelPair({ provider, limits: { recordsPerEpoch: 5 } });
    for (let count = 0; count < 40; count++) {
      responder.open(initiator.seal(INNER_TYPE.envelope, octets('same')));
      initiator.open(responder.seal(INNER_TYPE.envelope, octets('same')));
    }
    provider.assertNoNonceReuse();
    expect(provider.seals.length).toBe(80);
    expect(new Set(provider.seals.map(({ key }) => key)).size).toBe(16);
  });
});

describe('the end of a session', () => {
  it('is announced with the last key epoch and comes when that is used up', () => {
    const { initiator, responder } = channelPair({ limits: { recordsPerEpoch: 2 } });
    const exchange = () => responder.open(initiator.seal(INNER_TYPE.ping, new Uint8Array(0)));
    for (let count = 0; count < 2 * 255; count++) exchange();
    expect([initiator.mustRehandshake, responder.mustRehandshake]).toEqual([false, false]);
    exchange();
    expect([initiator.mustRehandshake, responder.mustRehandshake]).toEqual([true, true]);
    exchange();
    expect(() => initiator.seal(INNER_TYPE.ping, new Uint8Array(0))).toThrow(mustRehandshake);
    expect(initiator.closed).toBe(false);
    expect(textOf(initiator.open(responder.seal(INNER_TYPE.envelope, octets('late'))).content)).toBe('late');
  });

  it('is announced after 24 h and comes an hour later', () => {
    const clock = new StoodClock();
    const { initiator, responder } = channelPair({ clock });
    clock.nowMs += 24 * HOUR_MS - 1;
    expect(initiator.mustRehandshake).toBe(false);
    clock.nowMs += 1;
    expect(initiator.mustRehandshake).toBe(true);
    const record = initiator.seal(INNER_TYPE.ping, new Uint8Array(0));
    clock.nowMs += HOUR_MS - 1;
    expect(responder.open(record).innerType).toBe(INNER_TYPE.ping);
    const late = initiator.seal(INNER_TYPE.ping, new Uint8Array(0));
    clock.nowMs += 1;
    expect(() => responder.open(late)).toThrow(mustRehandshake);
    expect(() => initiator.seal(INNER_TYPE.ping, new Uint8Array(0))).toThrow(mustRehandshake);
    expect([initiator.closed, responder.closed]).toEqual([true, true]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeProvider } from '../../src/node/index.js';
import {
  INNER_TYPE,
  openSkRecord,
  readSkHeader,
  Secret,
  SkChannel,
  type SkDirection,
  type SkLimits,
  type SkMaterial,
  SkOpener,
  SkReceiver,
  SkSender,
  skSid,
} from '../../src/security/index.js';
import { InsecureSeededEntropy, RecordingProvider } from '../../src/testing/index.js';
import { flipped, octets, StoodClock, textOf } from './channel-fixture.js';

const HOUR_MS = 3_600_000;
const provider = nativeProvider;
const NONE = new Uint8Array(0);
const entropy = new InsecureSeededEntropy('SK channel');
const clock = new StoodClock();
const mustRehandshake = expect.objectContaining({ family: 'State', code: 'MustRehandshake' });
const closed = expect.objectContaining({ family: 'State', code: 'ChannelClosed' });
const badLength = expect.objectContaining({ family: 'Internal', code: 'BadLength' });

function material(seed = 'one'): SkMaterial {
  const session = new InsecureSeededEntropy(`SK ${seed}`);
  return { sk: new Secret('SK', session.bytes(32)), th: session.bytes(32) };
}
const newSender = (direction: SkDirection = 's2p', limits: Partial<SkLimits> = {}, seed = 'one', at = clock) =>
  new SkSender({ provider, entropy, clock: at, material: material(seed), direction, limits });
const newReceiver = (direction: SkDirection = 's2p', limits: Partial<SkLimits> = {}) =>
  new SkReceiver({ provider, material: material(), direction, limits });
const pair = (limits: Partial<SkLimits> = {}, at = clock) => ({
  device: new SkChannel({ provider, entropy, clock: at, material: material(), side: 'device', limits }),
  server: new SkChannel({ provider, entropy, clock: at, material: material(), side: 'server', limits }),
});

/** Counts what costs time. */
class CountingProvider extends RecordingProvider {
  calls = 0;
  constructor() {
    super(provider);
  }
  override hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
    this.calls++;
    return super.hmac(key, message);
  }
  override open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    this.calls++;
    return super.open(key, nonce, aad, sealed);
  }
}

describe('SK channel', () => {
  it('carries records both ways', () => {
    const { device, server } = pair();
    expect(device.sid).toEqual(server.sid);
    expect(device.sid).toEqual(skSid(provider, material()));
    expect(server.open(device.seal(INNER_TYPE.envelope, octets('up')))).toEqual({ ...opened('up'), inst: expect.anything(), seq: 0n });
    expect(textOf(device.open(server.seal(INNER_TYPE.ping, octets('down')))?.content ?? NONE)).toBe('down');
  });

  it('shows sid, inst and number in the header, and nothing else', () => {
    const sender = newSender('p2s');
    sender.seal(INNER_TYPE.ping, NONE);
    const record = sender.seal(INNER_TYPE.ping, NONE);
    expect(readSkHeader(record)).toEqual({ sid: sender.sid, inst: sender.inst, seq: 1n });
    expect(record.length).toBe(27 + 64 + 16);
    expect(sender.seal(INNER_TYPE.ping, octets('x'), { pad: false }).length).toBe(27 + 2 + 16);
    expect(sender.seal(INNER_TYPE.envelope, new Uint8Array(16_384)).length).toBe(16_428);
    for (const other of [NONE, record.slice(1), record.slice(0, 43), Uint8Array.of(...record, 0), Uint8Array.of(1, ...record.slice(1))]) {
      expect(readSkHeader(other)).toBeUndefined();
    }
  });

  it('opens records in any order, each once', () => {
    const all = Array.from({ length: 200 }, (_, count) => count);
    const sender = newSender();
    const records = all.map((count) => sender.seal(INNER_TYPE.envelope, octets(`${count}`)));
    fc.assert(
      fc.property(fc.shuffledSubarray([...all, ...all, ...all]), (order) => {
        const receiver = newReceiver();
        const accepted = order.flatMap((count) => receiver.open(records[count] as Uint8Array) ?? []);
        expect(accepted.map(({ seq }) => Number(seq))).toEqual([...new Set(order)]);
        expect(accepted.map(({ content }) => textOf(content))).toEqual([...new Set(order)].map(String));
      }),
      { numRuns: 20 },
    );
  });

  it('drops what is more than 1,023 behind the newest', () => {
    const sender = newSender();
    const records = Array.from({ length: 1_025 }, () => sender.seal(INNER_TYPE.ping, NONE));
    const receiver = newReceiver();
    expect(receiver.open(records[1_024] as Uint8Array)?.seq).toBe(1_024n);
    expect(receiver.open(records[0] as Uint8Array)).toBeUndefined();
    expect(receiver.open(records[1] as Uint8Array)?.seq).toBe(1n);
  });

  it('T25: drops duplicated, reordered and altered records in silence and goes on, also when the worker is switched', () => {
    const workers = [newSender(), newSender(), newSender()];
    const receiver = newReceiver();
    const seen = new Set<string>();
    for (let round = 0; round < 30; round++) {
      const worker = workers[round % 3] as SkSender;
      const record = worker.seal(INNER_TYPE.envelope, octets(`round ${round}`), { pad: false });
      for (let at = 0; at < record.length; at++) expect(receiver.open(flipped(record, at, (round + at) % 8))).toBeUndefined();
      const content = textOf(receiver.open(record)?.content ?? NONE);
      expect(content).toBe(`round ${round}`);
      expect(receiver.open(record)).toBeUndefined();
      seen.add(content);
    }
    expect(seen.size).toBe(30);
    expect(receiver.mustRehandshake).toBe(false);
  });

  it('refuses every bit flip, every cut and every extension of a record', () => {
    const record = newSender().seal(INNER_TYPE.envelope, octets('exact'), { pad: false });
    const receiver = newReceiver();
    for (let at = 0; at < record.length; at++) {
      for (let bit = 0; bit < 8; bit++) expect(receiver.open(flipped(record, at, bit))).toBeUndefined();
      expect(receiver.open(record.slice(0, at))).toBeUndefined();
    }
    expect(receiver.open(Uint8Array.of(...record, 0))).toBeUndefined();
    expect(receiver.open(new Uint8Array(100_000))).toBeUndefined();
    expect(textOf(receiver.open(record)?.content ?? NONE)).toBe('exact');
  });

  it('refuses records of the other direction and of another session', () => {
    const { device, server } = pair();
    expect(device.open(device.seal(INNER_TYPE.ping, NONE))).toBeUndefined();
    const stray = newSender('p2s', {}, 'two').seal(INNER_TYPE.ping, NONE);
    expect(server.open(stray)).toBeUndefined();
    stray.set(server.sid, 1);
    expect(server.open(stray)).toBeUndefined();
  });

  it('takes 16 senders; a 17th genuine one makes a new handshake due, made-up ones do not', () => {
    const receiver = newReceiver();
    const made = newSender().seal(INNER_TYPE.ping, NONE);
    for (let count = 0; count < 100; count++) expect(receiver.open(flipped(made, 9 + (count % 8), count % 7))).toBeUndefined();
    const senders = Array.from({ length: 17 }, () => newSender());
    senders.slice(0, 16).forEach((sender) => {
      expect(receiver.open(sender.seal(INNER_TYPE.ping, NONE))).toBeDefined();
    });
    expect(receiver.mustRehandshake).toBe(false);
    expect(receiver.open(senders[16]?.seal(INNER_TYPE.ping, NONE) ?? NONE)).toBeUndefined();
    expect(receiver.mustRehandshake).toBe(true);
    expect(receiver.open(senders[0]?.seal(INNER_TYPE.ping, NONE) ?? NONE)).toBeDefined();
  });

  it('T12: two senders of one session, as after a clone or a restart, never share a key and nonce', () => {
    const recording = new RecordingProvider(provider);
    const twins = [1, 2].map(() => new SkSender({ provider: recording, entropy, clock, material: material(), direction: 'p2s' }));
    for (let count = 0; count < 50; count++) for (const twin of twins) twin.seal(INNER_TYPE.envelope, octets(`${count}`));
    recording.assertNoNonceReuse();
    expect(recording.seals.length).toBe(100);
    expect(new Set(recording.seals.map(({ key }) => key)).size).toBe(2);
  });

  it('spends no cryptography on what names another session or is no record', () => {
    const counting = new CountingProvider();
    const receiver = new SkReceiver({ provider: counting, material: material(), direction: 's2p' });
    const opener = new SkOpener(counting, material(), 's2p');
    const record = newSender().seal(INNER_TYPE.ping, NONE);
    counting.calls = 0;
    for (const other of [flipped(record, 3, 1), record.slice(1), new Uint8Array(100_000)]) {
      expect(receiver.open(other)).toBeUndefined();
      expect(opener.open(other)).toBeUndefined();
    }
    expect(counting.calls).toBe(0);
    expect(receiver.open(record)).toBeDefined();
    expect(counting.calls).toBeGreaterThan(0);
  });

  it('refuses to seal more than 16,384 octets, and goes on', () => {
    const sender = newSender();
    expect(() => sender.seal(INNER_TYPE.envelope, new Uint8Array(16_385))).toThrow(badLength);
    expect(newReceiver().open(sender.seal(INNER_TYPE.ping, NONE))?.seq).toBe(0n);
  });

  it('cannot be confused by a caller who changes what it was given', () => {
    const sender = newSender();
    const first = sender.seal(INNER_TYPE.envelope, octets('first'));
    sender.sid.fill(0);
    sender.inst.fill(0);
    const receiver = newReceiver();
    expect(textOf(receiver.open(first)?.content ?? NONE)).toBe('first');
    expect(receiver.open(sender.seal(INNER_TYPE.ping, NONE))?.seq).toBe(1n);
  });
});

const opened = (text: string) => ({ innerType: INNER_TYPE.envelope, content: octets(text) });

describe('the end of an SK session', () => {
  it('is announced a little before the last record of a sender, and then refused', () => {
    const sender = newSender('s2p', { recordsPerInst: 128 });
    for (let count = 0; count < 125; count++) sender.seal(INNER_TYPE.ping, NONE);
    expect(sender.mustRehandshake).toBe(false);
    sender.seal(INNER_TYPE.ping, NONE);
    expect(sender.mustRehandshake).toBe(true);
    expect(() => sender.sealEnvelope(new Uint8Array(65_536))).toThrow(mustRehandshake);
    sender.seal(INNER_TYPE.ping, NONE);
    sender.seal(INNER_TYPE.ping, NONE);
    expect(() => sender.seal(INNER_TYPE.ping, NONE)).toThrow(mustRehandshake);
  });

  it('is announced after 24 h and comes an hour later', () => {
    const at = new StoodClock();
    const sender = newSender('s2p', {}, 'one', at);
    at.nowMs += 24 * HOUR_MS - 1;
    expect(sender.mustRehandshake).toBe(false);
    at.nowMs += 1;
    expect(sender.mustRehandshake).toBe(true);
    sender.seal(INNER_TYPE.ping, NONE);
    at.nowMs += HOUR_MS;
    expect(() => sender.seal(INNER_TYPE.ping, NONE)).toThrow(mustRehandshake);
  });

  it('counts the age that a session had before the sender was made', () => {
    const sender = new SkSender({ provider, entropy, clock, material: material(), direction: 's2p', ageMs: 24 * HOUR_MS });
    expect(sender.mustRehandshake).toBe(true);
  });

  it('comes at once when the channel is erased', () => {
    const given = material();
    const device = new SkChannel({ provider, entropy, clock, material: given, side: 'device' });
    const record = newSender().seal(INNER_TYPE.ping, NONE);
    device.erase();
    device.erase();
    expect(given.sk.erased).toBe(true);
    expect(device.open(record)).toBeUndefined();
    expect(() => device.seal(INNER_TYPE.ping, NONE)).toThrow(closed);
    expect(device.mustRehandshake).toBe(true);
  });

  it('cannot be put off by higher limits', () => {
    const badLimit = expect.objectContaining({ family: 'Internal', code: 'BadLimit' });
    expect(() => newSender('s2p', { recordsPerInst: 2 ** 20 + 1 })).toThrow(badLimit);
    expect(() => newReceiver('s2p', { instsPerSid: 17 })).toThrow(badLimit);
  });
});

describe('opening at the server', () => {
  it('gives inst and number with the content and leaves duplicates to the database', () => {
    const sender = newSender('p2s');
    const record = sender.seal(INNER_TYPE.envelope, octets('up'));
    const opener = new SkOpener(provider, material(), 'p2s');
    const expected = { inst: sender.inst, seq: 0n, ...opened('up') };
    expect(opener.open(record)).toEqual(expected);
    expect(opener.open(record)).toEqual(expected);
    expect(openSkRecord(provider, material(), 'p2s', record)).toEqual(expected);
    expect(openSkRecord(provider, material(), 's2p', record)).toBeUndefined();
    expect(openSkRecord(provider, material('two'), 'p2s', record)).toBeUndefined();
  });

  it('goes on with any number of senders', () => {
    const opener = new SkOpener(provider, material(), 'p2s');
    const senders = Array.from({ length: 40 }, () => newSender('p2s'));
    for (let round = 0; round < 2; round++) {
      for (const sender of senders) expect(opener.open(sender.seal(INNER_TYPE.ping, NONE))?.seq).toBe(BigInt(round));
    }
  });

  it('refuses altered records of known and unknown senders', () => {
    const sender = newSender('p2s');
    const opener = new SkOpener(provider, material(), 'p2s');
    const record = sender.seal(INNER_TYPE.envelope, octets('up'), { pad: false });
    const refuseAll = () => {
      for (let at = 0; at < record.length; at++) expect(opener.open(flipped(record, at, at % 8))).toBeUndefined();
    };
    refuseAll();
    expect(opener.open(record)).toBeDefined();
    refuseAll();
    expect(opener.open(record)).toBeDefined();
    opener.erase();
    expect(opener.open(record)).toBeDefined();
  });
});

describe('a large envelope', () => {
  const large = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);

  it.each([
    [16_384, 1],
    [16_385, 2],
    [32_764, 2],
    [32_765, 3],
    [65_536, 5],
  ])('of %i octets travels in %i records and arrives whole', (length, count) => {
    const { device, server } = pair();
    const records = device.sealEnvelope(large(length));
    expect(records.length).toBe(count);
    const arrived = records.map((record) => server.open(record));
    expect(arrived.slice(0, -1)).toEqual(Array(count - 1).fill(undefined));
    expect(arrived.at(-1)).toMatchObject({ innerType: INNER_TYPE.envelope, content: large(length) });
  });

  it('is refused above 65,536 octets before anything is sealed', () => {
    const { device } = pair();
    expect(() => device.sealEnvelope(large(65_537))).toThrow(badLength);
    expect(readSkHeader(device.seal(INNER_TYPE.ping, NONE))?.seq).toBe(0n);
  });

  it('arrives in any order of its parts, with duplicates and another one in between', () => {
    const { device } = pair();
    const first = device.sealEnvelope(large(60_000));
    const second = device.sealEnvelope(large(40_000).reverse());
    fc.assert(
      fc.property(fc.shuffledSubarray([...first, ...second, ...first], { minLength: 11 }), (order) => {
        const { server } = pair();
        const whole = order.flatMap((record) => server.open(record) ?? []).map(({ content }) => content);
        expect(whole.length).toBe(2);
        expect(whole).toContainEqual(large(60_000));
        expect(whole).toContainEqual(large(40_000).reverse());
      }),
      { numRuns: 20 },
    );
  });
});

import { encode, rfc8949EncodeOptions } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EntityId, entityId } from '../../src/ids.js';
import {
  concat,
  encodeMessageHeader,
  GroupKey,
  GroupMessages,
  type KeyedMessagesOptions,
  MESSAGE_CONTENT_MAX,
  MESSAGE_MAX,
  messageAad,
  messageKeyIv,
  messageSalt,
  nobleProvider,
  nonceFor,
  PnKey,
  PnMessages,
  parseMessage,
  u32be,
  utf8,
} from '../../src/security/index.js';
import { InsecureSeededEntropy, RecordingProvider } from '../../src/testing/index.js';

const entropy = new InsecureSeededEntropy('keyed messages');
const [a, b, c] = ['pne-a', 'pne-b', 'gateway-c'].map(entityId) as [EntityId, EntityId, EntityId];
const scope = new Uint8Array(16).fill(0x50);
const octets = new Uint8Array(32).fill(0x11);
const pnKey = (fill = 0x11) => new PnKey('PN key', new Uint8Array(32).fill(fill));
const groupKey = () => new GroupKey('Group Key', octets);

function member(self: EntityId, options: Partial<KeyedMessagesOptions<PnKey>> = {}): PnMessages {
  return new PnMessages(scope, {
    provider: nobleProvider,
    entropy,
    self,
    bootCounter: 1,
    current: { epoch: 5n, key: pnKey() },
    ...options,
  });
}

const auth = (code: string) => expect.objectContaining({ family: 'Auth', code });
const badMessage = expect.objectContaining({ family: 'Codec', code: 'BadMessage' });

/** A message as an insider makes it, who knows the key and can write any header. */
function forge(idSender: string, bootCounter: number, random: number, seq: bigint, epoch = 5n, fill = 0x11): Uint8Array {
  const header = { scope, epoch, idSender, salt: messageSalt(bootCounter, u32be(random)), seq };
  const keyIv = messageKeyIv(nobleProvider, new Uint8Array(32).fill(fill), 'PN msg', header);
  const sealed = nobleProvider.seal(keyIv.subarray(0, 32), nonceFor(keyIv.subarray(32), seq), messageAad(header), utf8('forged'));
  return concat(encodeMessageHeader(header), sealed);
}

describe('messages under a shared key', () => {
  it('reach the other members, with the sender, the epoch and a running number', () => {
    const [sender, receiver] = [member(a), member(b)];
    for (const seq of [0n, 1n, 2n]) {
      const content = utf8(`message ${seq}`);
      expect(receiver.open(sender.seal(content, 0), 0)).toEqual({ idSender: a, epoch: 5n, seq, content, current: true });
    }
    expect([sender.sent, sender.epoch, receiver.sent]).toEqual([3n, 5n, 0n]);
  });

  it('carry from no octets to the most, and no more', () => {
    const [sender, receiver] = [member(a), member(b)];
    for (const length of [0, 1, MESSAGE_CONTENT_MAX]) {
      expect(receiver.open(sender.seal(new Uint8Array(length), 0), 0).content).toHaveLength(length);
    }
    const tooLarge = expect.objectContaining({ family: 'Codec', code: 'TooLarge' });
    expect(() => sender.seal(new Uint8Array(MESSAGE_CONTENT_MAX + 1), 0)).toThrow(tooLarge);
  });

  it('are kept apart by kind of key, network and key', () => {
    const message = member(a).seal(utf8('secret'), 0);
    const group = new GroupMessages(scope, {
      provider: nobleProvider,
      entropy,
      self: b,
      bootCounter: 1,
      current: { epoch: 5n, key: groupKey() },
    });
    expect(() => group.open(message, 0)).toThrow(auth('WrongTag'));
    expect(() => member(b, { current: { epoch: 5n, key: pnKey(0x12) } }).open(message, 0)).toThrow(auth('WrongTag'));
    const other = new PnMessages(new Uint8Array(16), {
      provider: nobleProvider,
      entropy,
      self: b,
      bootCounter: 1,
      current: { epoch: 5n, key: pnKey() },
    });
    expect(() => other.open(message, 0)).toThrow(auth('WrongScope'));
  });

  it('work the same for groups', () => {
    const make = (self: EntityId) =>
      new GroupMessages(scope, { provider: nobleProvider, entropy, self, bootCounter: 1, current: { epoch: 2n ** 40n, key: groupKey() } });
    expect(make(b).open(make(a).seal(utf8('hello'), 0), 0)).toMatchObject({ idSender: a, epoch: 2n ** 40n, content: utf8('hello') });
  });

  it('are refused when any octet is changed, cut or added', () => {
    const message = member(a).seal(utf8('pay 1'), 0);
    const receiver = member(b);
    for (let at = 0; at < message.length; at++) {
      for (const mask of [0x01, 0x80]) {
        const altered = message.slice();
        altered[at] = (altered[at] as number) ^ mask;
        expect(() => receiver.open(altered, 0), `octet ${at}`).toThrow();
      }
      expect(() => receiver.open(message.subarray(0, at), 0)).toThrow();
    }
    expect(() => receiver.open(concat(message, new Uint8Array(1)), 0)).toThrow(auth('WrongTag'));
    expect(receiver.open(message, 0).seq).toBe(0n);
  });

  it('never use a key and nonce twice, over restarts, clones and changes of key', () => {
    const provider = new RecordingProvider(nobleProvider);
    for (const bootCounter of [1, 1, 2]) {
      const sender = member(a, { provider, bootCounter });
      for (let i = 0; i < 20; i++) sender.seal(utf8(`${i}`), 0);
      sender.install({ epoch: 6n, key: pnKey(), graceMs: 0 }, 0);
      for (let i = 0; i < 20; i++) sender.seal(utf8(`${i}`), 0);
    }
    provider.assertNoNonceReuse();
    expect(provider.seals).toHaveLength(120);
  });

  it('cannot be sealed without a key', () => {
    const noKey = expect.objectContaining({ family: 'State', code: 'NoKey' });
    const nobody = member(a, { current: undefined });
    expect(() => nobody.seal(utf8('x'), 0)).toThrow(noKey);
    expect(nobody.epoch).toBeUndefined();
    const gone = member(a);
    gone.erase();
    expect(() => gone.seal(utf8('x'), 0)).toThrow(noKey);
  });
});

describe('replay of messages under a shared key', () => {
  it('is refused, also out of order and after a restart of the receiver', () => {
    const [sender, receiver] = [member(a), member(b)];
    const messages = Array.from({ length: 10 }, (_, i) => sender.seal(utf8(`${i}`), 0));
    for (const i of [3, 1, 9, 0]) receiver.open(messages[i] as Uint8Array, 0);
    for (const i of [3, 1, 9, 0]) expect(() => receiver.open(messages[i] as Uint8Array, 0)).toThrow(auth('Replayed'));
    expect(receiver.unsaved).toBe(4);
    const marks = receiver.marks();
    expect([receiver.unsaved, marks.map(({ idSender, highest }) => [idSender, highest])]).toEqual([0, [[a, 9n]]]);
    const restarted = member(b, { marks });
    for (const message of messages) expect(() => restarted.open(message, 0)).toThrow(auth('Replayed'));
    expect(restarted.open(sender.seal(utf8('new'), 0), 0).seq).toBe(10n);
  });

  it('does not count what was not authentic', () => {
    const receiver = member(b);
    const message = member(a).seal(utf8('x'), 0);
    const altered = message.slice();
    altered[message.length - 1] = (altered[message.length - 1] as number) ^ 1;
    expect(() => receiver.open(altered, 0)).toThrow(auth('WrongTag'));
    expect(receiver.open(message, 0).content).toEqual(utf8('x'));
    expect(receiver.unsaved).toBe(1);
  });

  it('goes by sender: one does not disturb another', () => {
    const receiver = member(b);
    expect(receiver.open(forge(a, 1, 7, 500n), 0).seq).toBe(500n);
    expect(receiver.open(forge(c, 1, 7, 0n), 0).seq).toBe(0n);
  });

  it('does not count for a sender what others bring in its name', () => {
    const receiver = member(b);
    expect(() => receiver.open(forge(a, 0xffff_ffff, 7, 0n), 0, c)).toThrow(auth('WrongSender'));
    expect(receiver.open(forge(a, 1, 7, 0n), 0, a).seq).toBe(0n);
  });

  it('refuses a salt from before the sender started last, for good', () => {
    const receiver = member(b);
    const [before, after] = [member(a, { bootCounter: 1 }), member(a, { bootCounter: 2 })];
    receiver.open(before.seal(utf8('1'), 0), 0);
    receiver.open(after.seal(utf8('2'), 0), 0);
    expect(() => receiver.open(before.seal(utf8('3'), 0), 0)).toThrow(auth('OldSalt'));
    expect(() => member(b, { marks: receiver.marks() }).open(before.seal(utf8('4'), 0), 0)).toThrow(auth('OldSalt'));
  });

  it('tells at most four runs of a sender apart, and lets a restarted one in again', () => {
    const receiver = member(b);
    for (const random of [1, 2, 3, 4]) receiver.open(forge(a, 9, random, 0n), 0);
    expect(() => receiver.open(forge(a, 9, 5, 0n), 0)).toThrow(auth('TooManySalts'));
    expect(receiver.open(forge(a, 9, 4, 1n), 0).seq).toBe(1n);
    expect(receiver.marks()).toHaveLength(4);
    expect(receiver.open(forge(a, 10, 5, 0n), 0).seq).toBe(0n);
    expect(receiver.marks()).toHaveLength(1);
  });

  it('refuses the own messages of a device', () => {
    const sender = member(a);
    expect(() => sender.open(sender.seal(utf8('echo'), 0), 0)).toThrow(auth('OwnMessage'));
  });

  it('refuses more senders than a PN can have', () => {
    const receiver = member(b);
    for (let i = 0; i < 1000; i++) receiver.open(forge(`pne-${i}`, 1, 1, 0n), 0);
    expect(() => receiver.open(forge('pne-1000', 1, 1, 0n), 0)).toThrow(auth('TooManySenders'));
    expect(receiver.open(forge('pne-999', 1, 1, 1n), 0).seq).toBe(1n);
  });
});

describe('change of a shared key', () => {
  const next = (epoch: bigint, graceMs: number, switchAfterMs?: number) => ({
    epoch,
    key: pnKey(Number(epoch)),
    graceMs,
    ...(switchAfterMs === undefined ? {} : { switchAfterMs }),
  });

  it('goes up only', () => {
    const device = member(a);
    for (const epoch of [5n, 4n, 0n]) expect(() => device.install(next(epoch, 0), 0)).toThrow(auth('EpochRollback'));
    device.install(next(6n, 0), 0);
    expect(() => device.install(next(6n, 0), 0)).toThrow(auth('EpochRollback'));
    expect(device.epoch).toBe(6n);
  });

  it('after an expel: the old key is good for nothing any more', () => {
    const [expelled, receiver] = [member(a), member(b)];
    receiver.install(next(6n, 0), 1000);
    expect(() => receiver.open(expelled.seal(utf8('still me'), 1000), 1000)).toThrow(auth('OldEpoch'));
  });

  it('after a leave: the old key is received for the grace period, and not called current', () => {
    const [sender, receiver] = [member(a), member(b)];
    receiver.install(next(6n, 5000), 1000);
    expect(receiver.open(sender.seal(utf8('late'), 0), 5999)).toMatchObject({ epoch: 5n, current: false });
    expect(() => receiver.open(sender.seal(utf8('too late'), 0), 6000)).toThrow(auth('OldEpoch'));
  });

  it('lets an expel cut the grace period of keys before', () => {
    const [sender, receiver] = [member(a), member(b)];
    receiver.install(next(6n, 60_000), 0);
    receiver.install(next(7n, 0), 10);
    expect(() => receiver.open(sender.seal(utf8('x'), 0), 11)).toThrow(auth('OldEpoch'));
  });

  it('sends under the old key until the switch, by time or at once', () => {
    const epochOf = (message: Uint8Array) => parseMessage(message).header.epoch;
    for (const device of [member(a), member(b)]) {
      device.install(next(6n, 5000, 2000), 1000);
      expect([epochOf(device.seal(utf8('x'), 2999)), epochOf(device.seal(utf8('x'), 3000))]).toEqual([5n, 6n]);
    }
    const device = member(a);
    device.install(next(6n, 5000, 2000), 1000);
    device.switchNow();
    expect(epochOf(device.seal(utf8('x'), 1001))).toBe(6n);
    const first = member(a, { current: undefined });
    first.install(next(6n, 0, 2000), 0);
    expect(epochOf(first.seal(utf8('x'), 0))).toBe(6n);
    const afterExpel = member(a);
    afterExpel.install(next(6n, 0, 2000), 0);
    expect(epochOf(afterExpel.seal(utf8('x'), 0))).toBe(6n);
  });

  it('says that a key was missed', () => {
    const sender = member(a);
    sender.install(next(6n, 0), 0);
    const missed = expect.objectContaining({ family: 'State', code: 'NewerEpoch' });
    expect(() => member(b).open(sender.seal(utf8('x'), 0), 0)).toThrow(missed);
  });

  it('erases the keys that are over', () => {
    const key = pnKey();
    const device = member(a, { current: { epoch: 5n, key } });
    device.install(next(6n, 100), 0);
    expect(key.erased).toBe(false);
    device.seal(utf8('x'), 100);
    expect(key.erased).toBe(true);
  });

  it('wants keys of the right length', () => {
    const short = new PnKey('PN key', new Uint8Array(16));
    expect(() => member(a).install({ epoch: 9n, key: short, graceMs: 0 }, 0)).toThrow(expect.objectContaining({ code: 'BadLength' }));
  });
});

describe('the header of a message under a shared key', () => {
  const salt = messageSalt(1, u32be(2));
  const sealed = new Uint8Array(16);
  const parse = (header: unknown) => parseMessage(concat(encode(header, rfc8949EncodeOptions), sealed));

  it('is read back as it was written', () => {
    const u64 = fc.oneof(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.constantFrom(0n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n),
    );
    const id = fc.stringMatching(/^[a-z0-9-]{3,32}$/).filter((text) => !/^[0-9a-f]{16}$/.test(text));
    fc.assert(
      fc.property(u64, u64, id, (epoch, seq, idSender) => {
        const header = { scope, epoch, idSender, salt, seq };
        const parsed = parseMessage(concat(encodeMessageHeader(header), sealed));
        expect(parsed).toEqual({ header, sealed });
      }),
    );
  });

  it('has one form only', () => {
    expect(parse([scope, 1, a, salt, 0]).header.epoch).toBe(1n);
    const wrong: unknown[] = [
      [scope, 1, a, salt],
      [scope, 1, a, salt, 0, 0],
      [scope.subarray(1), 1, a, salt, 0],
      [concat(scope, new Uint8Array(1)), 1, a, salt, 0],
      [scope, 1, a, concat(salt, new Uint8Array(1)), 0],
      [scope, -1, a, salt, 0],
      [scope, '1', a, salt, 0],
      [scope, 1, utf8(a), salt, 0],
      [scope, 1, 'ab', salt, 0],
      [scope, 1, 'Upper', salt, 0],
      [scope, 1, '0123456789abcdef', salt, 0],
      [scope, 1, 'a'.repeat(33), salt, 0],
      [scope, 1, a, salt.subarray(1), 0],
      [scope, 1, a, salt, null],
      {},
      [],
      [[[[[]]]]],
    ];
    for (const header of wrong) expect(() => parse(header), JSON.stringify(header)).toThrow(badMessage);
    const canonical = concat(encode([scope, 1, a, salt, 0], rfc8949EncodeOptions), sealed);
    const longer = [
      { at: 18, from: 1, to: [0x18, 1] },
      { at: 18, from: 1, to: [0x19, 0, 1] },
      { at: 18, from: 1, to: [0x1a, 0, 0, 0, 1] },
      { at: 18, from: 1, to: [0x1b, 0, 0, 0, 0, 0, 0, 0, 1] },
      { at: 0, from: 1, to: [0x98, 5] },
      { at: 1, from: 1, to: [0x58, 16] },
      { at: 0, from: 1, to: [0x9f] },
      { at: 18, from: 1, to: [0x1c, ...new Array<number>(16).fill(1)] },
      { at: 18, from: 1, to: [0x1f] },
    ];
    expect(canonical[18]).toBe(1);
    for (const { at, from, to } of longer) {
      const other = concat(canonical.subarray(0, at), new Uint8Array(to), canonical.subarray(at + from));
      expect(() => parseMessage(other)).toThrow(badMessage);
    }
  });

  it('is refused with less than a tag behind it, and when the message is too long', () => {
    const header = encodeMessageHeader({ scope, epoch: 1n, idSender: a, salt, seq: 0n });
    expect(() => parseMessage(concat(header, new Uint8Array(15)))).toThrow(badMessage);
    const longest = encodeMessageHeader({ scope, epoch: 2n ** 64n - 1n, idSender: 'a'.repeat(32), salt, seq: 2n ** 64n - 1n });
    const room = MESSAGE_MAX - longest.length;
    expect(parseMessage(concat(longest, new Uint8Array(room))).sealed).toHaveLength(MESSAGE_CONTENT_MAX + 16);
    expect(() => parseMessage(concat(longest, new Uint8Array(room + 1)))).toThrow(badMessage);
    expect(() => parseMessage(new Uint8Array(0))).toThrow(badMessage);
  });

  it('takes any octets without another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (junk) => {
        expect(() => parseMessage(junk)).toThrow(badMessage);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeProvider } from '../../src/node/index.js';
import {
  INNER_TYPE,
  PanHandshakeInitiator,
  type PanHandshakeOptions,
  PanHandshakeResponder,
  type PanMessage1,
  type PanMessage2,
  type PanMessage3,
  type PanMessage4,
  panHashes,
  panSessionKey,
  panTranscriptHash,
  Secret,
  type SecureChannel,
} from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';
import { octets, refusal, StoodClock, textOf } from './channel-fixture.js';
import { entropyBeginningWith, everyBitFlipped, everyLengthWrong, KeyWatch, SMALL_ORDER_POINTS } from './two-party.js';

const provider = nativeProvider;
const entropy = new InsecureSeededEntropy('PAN handshakes');
const localEuKey = () => new Secret('LocalEUKey', new Uint8Array(32).fill(0x4c));
const header = octets('hdr of the run that made the key');
const failed = refusal('PanHandshakeFailed');
const outOfOrder = expect.objectContaining({ family: 'Internal', code: 'OutOfOrder' });

const base = (change: Partial<PanHandshakeOptions> = {}): PanHandshakeOptions => ({
  provider,
  entropy,
  clock: new StoodClock(),
  localEuKey: localEuKey(),
  header,
  linkType: 'lan',
  ...change,
});
const newPne = (change: Partial<PanHandshakeOptions> = {}) => new PanHandshakeInitiator(base(change));
const newGateway = (change: Partial<PanHandshakeOptions> = {}) => new PanHandshakeResponder(base(change));

function run(pne = newPne(), gateway = newGateway()): { pne: SecureChannel; gateway: SecureChannel } {
  const { message, channel } = gateway.verify(pne.answer(gateway.challenge(pne.start())));
  return { pne: pne.finish(message), gateway: channel };
}

function expectSameSession(pne: SecureChannel, gateway: SecureChannel): void {
  expect(pne.sid).toEqual(gateway.sid);
  expect(textOf(gateway.open(pne.seal(INNER_TYPE.envelope, octets('p2g'))).content)).toBe('p2g');
  expect(textOf(pne.open(gateway.seal(INNER_TYPE.envelope, octets('g2p'))).content)).toBe('g2p');
}

describe('PAN handshake', () => {
  it('gives PNE and PN GW one session', () => {
    const { pne, gateway } = run();
    expectSameSession(pne, gateway);
  });

  it('gives another session each time, under the same LocalEUKey, which it leaves alone', () => {
    const key = localEuKey();
    const [one, two] = [1, 2].map(() => run(newPne({ localEuKey: key }), newGateway({ localEuKey: key })));
    expect(one?.pne.sid).not.toEqual(two?.pne.sid);
    expect(key.erased).toBe(false);
  });

  it.each([
    ['another LocalEUKey', { localEuKey: new Secret('LocalEUKey', new Uint8Array(32)) }],
    ['the header of another run, PN or PN GW', { header: octets('hdr of another run') }],
    ['another kind of link', { linkType: 'ble' as const }],
  ])('fails with %s', (_what, change) => {
    const [pne, gateway] = [newPne(), newGateway(change)];
    expect(() => gateway.verify(pne.answer(gateway.challenge(pne.start())))).toThrow(failed);
    const [other, otherGateway] = [newPne(change), newGateway()];
    other.answer(otherGateway.challenge(other.start()));
    expect(() => other.finish({ hashPnGw: new Uint8Array(32) })).toThrow(failed);
  });

  it('goes step by step, each step once', () => {
    const [pne, gateway] = [newPne(), newGateway()];
    expect(() => pne.answer({ b: new Uint8Array(32), eGwLocal: new Uint8Array(32) })).toThrow(outOfOrder);
    expect(() => pne.finish({ hashPnGw: new Uint8Array(32) })).toThrow(outOfOrder);
    expect(() => gateway.verify({ hashPneL: new Uint8Array(32) })).toThrow(outOfOrder);
    const first = pne.start();
    expect(() => pne.start()).toThrow(outOfOrder);
    const second = gateway.challenge(first);
    expect(() => gateway.challenge(first)).toThrow(outOfOrder);
    const third = pne.answer(second);
    expect(() => pne.answer(second)).toThrow(outOfOrder);
    const { message } = gateway.verify(third);
    expect(() => gateway.verify(third)).toThrow(outOfOrder);
    pne.finish(message);
    expect(() => pne.finish(message)).toThrow(outOfOrder);
  });

  it('leaves no X25519 key behind, whether it succeeds, fails or is aborted', () => {
    const watch = { provider: new KeyWatch(provider) };
    run(newPne(watch), newGateway(watch));
    const [pne, gateway, aborted] = [newPne(watch), newGateway(watch), newPne(watch)];
    pne.start();
    expect(() => pne.answer({ b: new Uint8Array(32), eGwLocal: SMALL_ORDER_POINTS[0] as Uint8Array })).toThrow(failed);
    gateway.abort();
    aborted.start();
    aborted.abort();
    expect([watch.provider.privateKeys.length, watch.provider.leftOver]).toEqual([5, 0]);
  });
});

/** A message on the attacker's wire, by its place in the handshake. */
interface Sent {
  readonly a?: PanMessage1;
  readonly b?: PanMessage2;
  readonly c?: PanMessage3;
  readonly d?: PanMessage4;
}

/** The attacker gives any message it has seen to any side, mostly one of the latest. */
const schedules = fc.array(fc.record({ to: fc.nat(3), pick: fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, fc.nat(20)) }), {
  minLength: 8,
  maxLength: 40,
});

/** Gives `message` to a side, if it is of a kind that the side waits for. */
function deliver(
  side: PanHandshakeInitiator | PanHandshakeResponder,
  { a, b, c, d }: Sent,
  wire: Sent[],
  atPne: SecureChannel[],
  atGateway: SecureChannel[],
): void {
  if (side instanceof PanHandshakeInitiator) {
    if (b !== undefined) wire.push({ c: side.answer(b) });
    if (d !== undefined) atPne.push(side.finish(d));
    return;
  }
  if (a !== undefined) wire.push({ b: side.challenge(a) });
  if (c === undefined) return;
  const { message, channel } = side.verify(c);
  wire.push({ d: message });
  atGateway.push(channel);
}

describe('an attacker between PNE and PN GW', () => {
  it('cannot alter any bit of any message', () => {
    // The same two sides again and again: same nonces, same keys.
    const started = () => {
      const pne = newPne({ entropy: new InsecureSeededEntropy('pne') });
      return { pne, m1: pne.start(), gateway: newGateway({ entropy: new InsecureSeededEntropy('gateway') }) };
    };
    const answered = () => {
      const { pne, gateway, m1 } = started();
      return { pne, gateway, m3: pne.answer(gateway.challenge(m1)) };
    };
    // X25519 ignores the highest bit of a value; the transcript does not.
    for (const altered of everyBitFlipped(started().m1)) {
      const { pne, gateway } = started();
      expect(() => gateway.verify(pne.answer(gateway.challenge(altered)))).toThrow(failed);
    }
    const { gateway: known, m1 } = started();
    for (const altered of everyBitFlipped(known.challenge(m1))) {
      const { pne, gateway } = started();
      gateway.challenge(m1);
      expect(() => gateway.verify(pne.answer(altered))).toThrow(failed);
    }
    for (const altered of everyBitFlipped(answered().m3)) expect(() => answered().gateway.verify(altered)).toThrow(failed);
    const { pne, gateway, m3 } = answered();
    const m4 = gateway.verify(m3).message;
    for (const altered of everyBitFlipped(m4)) expect(() => answered().pne.finish(altered)).toThrow(failed);
    expect(pne.finish(m4).closed).toBe(false);
  });

  it('cannot change the length of any part', () => {
    const [m1, m2] = [newPne().start(), newGateway().challenge(newPne().start())];
    for (const altered of everyLengthWrong(m1)) expect(() => newGateway().challenge(altered)).toThrow(failed);
    for (const altered of everyLengthWrong(m2)) {
      const pne = newPne();
      pne.start();
      expect(() => pne.answer(altered)).toThrow(failed);
    }
    for (const length of [0, 31, 33]) {
      const [pne, gateway] = [newPne(), newGateway()];
      const { hashPneL } = pne.answer(gateway.challenge(pne.start()));
      expect(() => gateway.verify({ hashPneL: new Uint8Array([...hashPneL, 0]).slice(0, length) })).toThrow(failed);
      expect(() => pne.finish({ hashPnGw: new Uint8Array(length) })).toThrow(failed);
    }
  });

  it('cannot use a short nonce or the nonce of the other side, even with the LocalEUKey', () => {
    const a = entropy.bytes(32);
    for (const nonce of [a.slice(1), a]) {
      const pne = newPne({ entropy: entropyBeginningWith(a, entropy) });
      pne.start();
      const odd = newGateway({ entropy: entropyBeginningWith(nonce, entropy) });
      const m2 = odd.challenge(newPne().start());
      expect(() => pne.answer(m2)).toThrow(failed);
      const gateway = newGateway({ entropy: entropyBeginningWith(a, entropy) });
      expect(() => gateway.challenge(newPne({ entropy: entropyBeginningWith(nonce, entropy) }).start())).toThrow(failed);
    }
  });

  it('cannot use values that give a zero secret', () => {
    for (const point of SMALL_ORDER_POINTS) {
      const pne = newPne();
      pne.start();
      expect(() => pne.answer({ b: new Uint8Array(32), eGwLocal: point })).toThrow(failed);
      expect(() => newGateway().challenge({ a: new Uint8Array(32), ePneLocal: point })).toThrow(failed);
    }
  });

  it('cannot reflect nonce, value or hash (T7)', () => {
    const honest = newGateway().challenge(newPne().start());
    const reflectValue = newPne();
    const { ePneLocal } = reflectValue.start();
    expect(() => reflectValue.answer({ b: honest.b, eGwLocal: ePneLocal })).toThrow(failed);
    const reflectNonce = newPne();
    expect(() => reflectNonce.answer({ b: reflectNonce.start().a, eGwLocal: honest.eGwLocal })).toThrow(failed);
    const [pne, gateway] = [newPne(), newGateway()];
    const { hashPneL } = pne.answer(gateway.challenge(pne.start()));
    expect(() => pne.finish({ hashPnGw: hashPneL })).toThrow(failed);
  });

  it('cannot replay a message of an earlier run (T6)', () => {
    const [oldPne, oldGateway] = [newPne(), newGateway()];
    const m1 = oldPne.start();
    const m2 = oldGateway.challenge(m1);
    const m3 = oldPne.answer(m2);
    const m4 = oldGateway.verify(m3).message;
    const gateway = newGateway();
    gateway.challenge(m1);
    expect(() => gateway.verify(m3)).toThrow(failed);
    const pne = newPne();
    pne.start();
    pne.answer(m2);
    expect(() => pne.finish(m4)).toThrow(failed);
  });

  it('cannot act as the PN GW for a PNE without the LocalEUKey, having seen a whole run', () => {
    const pne = newPne();
    const attacker = newGateway({ localEuKey: new Secret('guess', new Uint8Array(32)) });
    const { hashPneL } = pne.answer(attacker.challenge(pne.start()));
    expect(() => attacker.verify({ hashPneL })).toThrow(failed);
    expect(() => pne.finish({ hashPnGw: hashPneL.slice().reverse() })).toThrow(failed);
  });

  it('E9 SK_L secret at PNE, E10 SK_L secret at PN GW: who learns the LocalEUKey later and saw everything lacks the X25519 secret, and so SK_L', () => {
    const [pne, gateway] = [newPne(), newGateway()];
    const m1 = pne.start();
    const m2 = gateway.challenge(m1);
    const { hashPneL } = pne.answer(m2);
    const th = panTranscriptHash(provider, { ...m1, ...m2, header, linkType: 'lan' });
    for (const guess of [new Uint8Array(0), new Uint8Array(32), m1.ePneLocal, m2.eGwLocal]) {
      const sk = panSessionKey(provider, localEuKey(), { ...m1, ...m2 }, guess, th);
      expect(panHashes(provider, localEuKey(), sk, th).hashPneL).not.toEqual(hashPneL);
    }
    expect(gateway.verify({ hashPneL }).channel.closed).toBe(false);
  });

  it('E11 PNE agrees with PN GW, E12 PN GW agrees with PNE: whatever it forwards, drops, swaps or replays, a side that accepts shares its session with exactly one other', () => {
    let accepted = 0;
    fc.assert(
      fc.property(schedules, (schedule) => {
        const sides = [newPne(), newPne(), newGateway(), newGateway()];
        const wire: Sent[] = [];
        const atPne: SecureChannel[] = [];
        const atGateway: SecureChannel[] = [];
        for (const side of sides) if (side instanceof PanHandshakeInitiator) wire.push({ a: side.start() });
        for (const { to, pick } of schedule) {
          const message = wire[wire.length - 1 - (pick % wire.length)] as Sent;
          try {
            deliver(sides[to] as PanHandshakeInitiator, message, wire, atPne, atGateway);
          } catch (error) {
            expect(error).toMatchObject({ name: 'CpnsError' });
          }
        }
        accepted += atPne.length;
        expect(new Set(atGateway.map(({ sid }) => String(sid))).size).toBe(atGateway.length);
        for (const channel of atPne) {
          const partners = atGateway.filter(({ sid }) => String(sid) === String(channel.sid));
          expect(partners.length).toBe(1);
          expectSameSession(channel, partners[0] as SecureChannel);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});

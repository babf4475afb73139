import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  confirmationHashes,
  encodeHeader,
  type HandshakeHeader,
  sessionKey,
  toHex,
  transcriptHash,
  unwrapLocalEuKey,
  wrapLocalEuKey,
} from '../../src/security/index.js';
import { Secret } from '../../src/security/secret.js';
import { idServer, NONE, provider, rootGw, rootPne } from './handshake-fixture.js';

/** Small alphabets, so that values meet: what one party takes for one item another may take for its neighbour. */
const id = fc.constantFrom('', 'a', 'aa', 'b', 'ab');
const value = fc.constantFrom(NONE, new Uint8Array([97]), new Uint8Array([97, 97]), new Uint8Array(32));
const anyHeader: fc.Arbitrary<HandshakeHeader> = fc.record({
  version: fc.constantFrom(1, 2),
  suite: fc.constantFrom(1, 2),
  idServer: fc.constantFrom(idServer as string, 'a'),
  idPne: id,
  idGw: id,
  pnId: value,
  kid: id,
  capsHash: value,
  localEuKeyNeeded: fc.constantFrom(0, 1),
  randPne: value,
  randServer: value,
  ePne: value,
  eServer: value,
});

const flat = (header: HandshakeHeader) =>
  Object.entries(header)
    .sort()
    .map(([name, item]) => `${name}=${item instanceof Uint8Array ? toHex(item) : item}`)
    .join();

function hashesOf(header: HandshakeHeader, wrapped: Uint8Array) {
  const th = transcriptHash(provider, encodeHeader(header), wrapped);
  const rands = [header.randPne, header.randServer] as const;
  const sk = sessionKey(provider, rootPne.kAuth, ...rands, new Uint8Array(32).fill(9), th);
  return confirmationHashes(provider, rootPne.kAuth, { sk, th });
}

describe('two parties with different views of a run', () => {
  it('never have the same header, hash_PNE or hash_server', () => {
    fc.assert(
      fc.property(anyHeader, anyHeader, value, value, (one, other, wrapped, otherWrapped) => {
        const agree = flat(one) === flat(other);
        expect(toHex(encodeHeader(one)) === toHex(encodeHeader(other))).toBe(agree);
        const [mine, theirs] = [hashesOf(one, wrapped), hashesOf(other, otherWrapped)];
        const sameRun = agree && toHex(wrapped) === toHex(otherWrapped);
        expect(toHex(mine.hashPne) === toHex(theirs.hashPne)).toBe(sameRun);
        expect(toHex(mine.hashServer) === toHex(theirs.hashServer)).toBe(sameRun);
        expect(mine.hashPne).not.toEqual(theirs.hashServer);
      }),
      { numRuns: 150 },
    );
  });

  it('differ in one item: for each of the thirteen', () => {
    fc.assert(
      fc.property(anyHeader, anyHeader, fc.nat(12), (one, other, which) => {
        const name = Object.keys(one)[which] as keyof HandshakeHeader;
        const changed = { ...one, [name]: other[name] };
        expect(toHex(encodeHeader(one)) === toHex(encodeHeader(changed))).toBe(flat(one) === flat(changed));
      }),
    );
  });

  it('cannot unwrap each other, across headers, roles, gateway nonces and keys', () => {
    const localEuKey = new Secret('LocalEUKey', new Uint8Array(32).fill(5));
    const role = fc.oneof(fc.constant({ role: 'pne' as const }), fc.record({ role: fc.constant('gateway' as const), randGw: value }));
    const label = (to: { role: string; randGw?: Uint8Array }) => `${to.role} ${toHex(to.randGw ?? NONE)}`;
    fc.assert(
      fc.property(anyHeader, anyHeader, role, role, fc.boolean(), (one, other, to, from, sameKey) => {
        const wrapped = wrapLocalEuKey(provider, rootPne.kWrap, encodeHeader(one), to, localEuKey);
        const kWrap = sameKey ? rootPne.kWrap : rootGw.kWrap;
        const got = unwrapLocalEuKey(provider, kWrap, encodeHeader(other), from, wrapped);
        expect(got !== undefined).toBe(sameKey && flat(one) === flat(other) && label(to) === label(from));
      }),
      { numRuns: 60 },
    );
  });

  it('do not share SK when the keys, nonces or the X25519 secret differ', () => {
    const [th, one, two] = [new Uint8Array(32), new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const keys = [
      sessionKey(provider, rootPne.kAuth, one, two, one, th),
      sessionKey(provider, rootGw.kAuth, one, two, one, th),
      sessionKey(provider, rootPne.kAuth, two, two, one, th),
      sessionKey(provider, rootPne.kAuth, one, one, one, th),
      sessionKey(provider, rootPne.kAuth, one, two, two, th),
      sessionKey(provider, rootPne.kAuth, one, two, undefined, th),
      sessionKey(provider, rootPne.kAuth, one, two, one, one),
    ];
    expect(new Set(keys.map((key) => toHex(key.reveal()))).size).toBe(keys.length);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { entityId } from '../../src/ids.js';
import type { CryptoProvider } from '../../src/ports.js';
import {
  type EuKeyRoot,
  hkdfExpand,
  PneHandshake,
  PnKey,
  PnMessages,
  Secret,
  unwrapForGateway,
  unwrapNodeKey,
  wrapNodeKey,
} from '../../src/security/index.js';
import {
  challenged,
  challengeFor,
  entropy,
  expected,
  headerAtGateway,
  pneOptions,
  provider,
  randGw,
  relayed,
  rootGw,
  rootPne,
} from './handshake-fixture.js';

/** Keeps hold of every key that goes into the primitives and of every secret that comes out, to see what is left of them later. */
class KeyWatch {
  readonly #seen: Uint8Array[] = [];
  readonly provider: CryptoProvider;

  constructor(inner: CryptoProvider) {
    const keep = <T extends Uint8Array | undefined>(octets: T): T => {
      if (octets !== undefined) this.#seen.push(octets);
      return octets;
    };
    this.provider = {
      ...inner,
      // An HMAC key of 64 octets is the salt rand_PNE || rand_server, which everybody knows.
      hmac: (key, message) => inner.hmac(key.length === 64 ? key : keep(key), message),
      seal: (key, nonce, aad, plain) => inner.seal(keep(key), nonce, aad, plain),
      open: (key, nonce, aad, sealed) => inner.open(keep(key), nonce, aad, sealed),
      wrap: (kek, aad, plain) => inner.wrap(keep(kek), aad, keep(plain)),
      unwrap: (kek, aad, wrapped) => keep(inner.unwrap(keep(kek), aad, wrapped)),
      x25519Public: (privateKey) => inner.x25519Public(keep(privateKey)),
      x25519: (privateKey, publicKey) => keep(inner.x25519(keep(privateKey), publicKey)),
    };
  }

  /** How many of them still hold something, but for those that are meant to live on. */
  leftBesides(...alive: readonly Secret[]): number {
    const kept = new Set(alive.filter((secret) => !secret.erased).map((secret) => secret.reveal()));
    return new Set(this.#seen.filter((octets) => !kept.has(octets) && octets.some((octet) => octet !== 0))).size;
  }

  get seen(): number {
    return this.#seen.length;
  }
}

const keysOf = ({ kAuth, kWrap, kTls }: EuKeyRoot) => [kAuth, kWrap, kTls];

describe('nothing but the root is left of the keys of a run', () => {
  let watch: KeyWatch;
  const rootKeys = [...keysOf(rootPne), ...keysOf(rootGw)];
  const begin = () => PneHandshake.begin({ ...pneOptions, provider: watch.provider });
  beforeEach(() => {
    watch = new KeyWatch(provider);
  });
  afterEach(() => expect(watch.seen).toBeGreaterThan(3));

  it('at the PNE, when the run succeeds: SK and LocalEUKey live on, and only there', () => {
    const device = begin();
    const server = challengeFor(device.hello);
    const { hashPne, localEuKey } = device.answer(relayed(server), expected);
    const { sk } = device.confirm(server.verify(hashPne).hashServer);
    expect(watch.leftBesides(...rootKeys, sk)).toBe(0);
    expect(watch.leftBesides(...rootKeys)).toBe(1);
    expect(localEuKey?.key.erased).toBe(false);
    device.abort();
    expect(sk.erased).toBe(false);
  });

  it('at the PNE, when it gives up before or after its answer', () => {
    const early = begin();
    early.abort();
    const late = begin();
    late.answer(relayed(challengeFor(late.hello)), expected);
    late.abort();
    expect(watch.leftBesides(...rootKeys)).toBe(0);
  });

  it('at the PNE, when a check fails', () => {
    const device = begin();
    device.answer(relayed(challengeFor(device.hello)), expected);
    expect(() => device.confirm(new Uint8Array(32))).toThrow();
    for (const change of [{ version: 2 }, { wrapped: new Uint8Array(48) }]) {
      const refusing = begin();
      expect(() => refusing.answer(relayed(challengeFor(refusing.hello), change), expected)).toThrow();
    }
    expect(watch.leftBesides(...rootKeys)).toBe(0);
  });

  it('at the PNE, when X25519 gives no secret although the LocalEUKey is good', () => {
    const noSecret = { ...watch.provider, x25519: () => undefined };
    const device = PneHandshake.begin({ ...pneOptions, provider: noSecret });
    const challenge = relayed(challengeFor(device.hello));
    const erase = vi.spyOn(Secret.prototype, 'erase');
    expect(() => device.answer(challenge, expected)).toThrow(expect.objectContaining({ code: 'ZeroSharedSecret' }));
    expect(erase.mock.contexts.map((secret) => (secret as Secret).label)).toContain('LocalEUKey');
    erase.mockRestore();
    expect(watch.leftBesides(...rootKeys)).toBe(0);
  });

  it('at a PNE that does not begin', () => {
    const drawn: Uint8Array[] = [];
    const watched = { bytes: (length: number) => drawn[drawn.push(entropy.bytes(length)) - 1] as Uint8Array };
    expect(() => PneHandshake.begin({ ...pneOptions, provider: watch.provider, entropy: watched, idGw: '' })).toThrow();
    expect(watch.leftBesides(...rootKeys)).toBe(0);
    begin().abort();
  });

  it('at the server: only SK until hash_PNE came, and not even that when it is wrong or never comes', () => {
    const challenge = () => {
      const device = PneHandshake.begin(pneOptions);
      return { device, server: challengeFor(device.hello, { provider: watch.provider }) };
    };
    const good = challenge();
    expect(watch.leftBesides(...rootKeys)).toBe(1);
    const { material } = good.server.verify(good.device.answer(relayed(good.server), expected).hashPne);
    expect(watch.leftBesides(...rootKeys, material.sk)).toBe(0);
    expect(() => challenge().server.verify(new Uint8Array(32))).toThrow();
    challenge().server.abort();
    good.server.abort();
    expect(watch.leftBesides(...rootKeys, material.sk)).toBe(0);
  });

  it('at the PN GW: the LocalEUKey alone', () => {
    const { device, server } = challenged();
    const header = headerAtGateway(device, server);
    const wrapped = server.challenge.wrappedForGateway;
    unwrapForGateway({ provider: watch.provider, root: rootGw, header, randGw, wrapped });
    const altered = wrapped.map((octet) => octet ^ 1);
    expect(() => unwrapForGateway({ provider: watch.provider, root: rootGw, header, randGw, wrapped: altered })).toThrow();
    expect(watch.leftBesides(...rootKeys)).toBe(0);
  });

  it('in messages under a shared key, when the key is over, a sender restarts, or all is erased', () => {
    const key = (fill: number) => PnKey.take('PN key', new Uint8Array(32).fill(fill));
    const member = (self: string, bootCounter: number, crypto: CryptoProvider) =>
      new PnMessages(new Uint8Array(16), {
        provider: crypto,
        entropy,
        self: entityId(self),
        bootCounter,
        current: { epoch: 1n, key: key(1) },
      });
    const receiver = member('pne-b', 1, watch.provider);
    const [before, after] = [member('pne-a', 1, provider), member('pne-a', 2, provider)];
    receiver.seal(new Uint8Array(1), 0);
    receiver.open(before.seal(new Uint8Array(1), 0), 0);
    const forged = after.seal(new Uint8Array(1), 0);
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
    const alive = watch.leftBesides();
    expect(() => receiver.open(forged, 0)).toThrow();
    expect(watch.leftBesides()).toBe(alive);
    receiver.open(after.seal(new Uint8Array(1), 0), 0);
    expect(watch.leftBesides()).toBe(alive);
    receiver.install({ epoch: 2n, key: key(2), graceMs: 0 }, 0);
    expect(watch.leftBesides()).toBe(0);
    receiver.seal(new Uint8Array(1), 0);
    expect(watch.leftBesides()).toBeGreaterThan(0);
    receiver.erase();
    expect(watch.leftBesides()).toBe(0);
  });

  it('in records of a rekey', () => {
    const name = { sgId: new Uint8Array(16), epoch: 1n, node: 1, version: 1, underNode: 2, underVersion: 1 };
    const [under, key] = [PnKey.take('under', entropy.bytes(32)), PnKey.take('node', entropy.bytes(32))];
    const wrapped = wrapNodeKey(watch.provider, name, under, key);
    unwrapNodeKey(watch.provider, name, under, wrapped)?.erase();
    expect(watch.leftBesides(under, key)).toBe(0);
  });

  it('in HKDF: neither blocks nor what they were made of', () => {
    const used: Uint8Array[] = [];
    const spy: CryptoProvider = {
      ...watch.provider,
      hmac: (key, message) => {
        const block = watch.provider.hmac(key, message);
        used.push(message, block);
        return block;
      },
    };
    const prk = PnKey.take('PRK', entropy.bytes(32));
    for (const length of [32, 44, 64]) expect(hkdfExpand(spy, prk.reveal(), new Uint8Array(1), length)).toHaveLength(length);
    expect(used).toHaveLength(10);
    for (const octets of used) expect(octets.every((octet) => octet === 0)).toBe(true);
    expect(watch.leftBesides(prk)).toBe(0);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entropy } from '../../src/ports.js';
import { PneHandshake, ServerHandshake, toHex, unwrapForGateway, verifyHello } from '../../src/security/index.js';
import {
  authError,
  challenged,
  challengeFor,
  entropy,
  expected,
  gateway,
  headerAtGateway,
  idServer,
  NONE,
  pne,
  pneOptions,
  pnId,
  provider,
  randGw,
  relayed,
  rootGw,
  rootPne,
  setupOptions,
} from './handshake-fixture.js';

/** Remembers what it gave out, to see whether it is erased later. */
class WatchedEntropy implements Entropy {
  readonly given: Uint8Array[] = [];
  bytes(length: number): Uint8Array {
    const octets = entropy.bytes(length);
    this.given.push(octets);
    return octets;
  }
  get leftOver(): number {
    return this.given.filter((octets) => octets.some((octet) => octet !== 0)).length;
  }
}

describe('server handshake', () => {
  it('gives PNE and server the same SK, and all three parties the same LocalEUKey and header', () => {
    const { device, server } = challenged();
    const { hashPne, localEuKey } = device.answer(relayed(server), expected);
    const atServer = server.verify(hashPne);
    const atPne = device.confirm(atServer.hashServer);
    expect(atPne.sk.reveal()).toEqual(atServer.material.sk.reveal());
    expect(atPne.th).toEqual(atServer.material.th);
    const header = headerAtGateway(device, server);
    expect(header).toEqual(localEuKey?.header);
    expect(provider.sha256(header)).toEqual(server.headerHash);
    const key = unwrapForGateway({ provider, root: rootGw, header, randGw, wrapped: server.challenge.wrappedForGateway });
    expect(key.reveal()).toEqual(localEuKey?.key.reveal());
  });

  it('makes no LocalEUKey when none is needed', () => {
    const { device, server } = challenged({ localEuKeyNeeded: false });
    expect(server.challenge.wrapped).toEqual(NONE);
    expect(server.challenge.wrappedForGateway).toEqual(NONE);
    const { hashPne, localEuKey } = device.answer(relayed(server), expected);
    expect(localEuKey).toBeUndefined();
    expect(device.confirm(server.verify(hashPne).hashServer).sk.length).toBe(32);
  });

  it('runs as Connection setup with neither PN GW nor PN', () => {
    const device = PneHandshake.begin(setupOptions);
    const server = challengeFor(device.hello, { rootPne: rootGw, idPne: gateway, idGw: '', pnId: NONE, randGw: NONE });
    const { randServer, eServer, wrapped } = server.challenge;
    const challenge = { version: 1, suite: 1, idServer, pnId: NONE, randServer, eServer, wrapped };
    const { hashPne } = device.answer(challenge, { pnId: NONE, idGw: '' });
    const { hashServer, material } = server.verify(hashPne);
    expect(device.confirm(hashServer).sk.reveal()).toEqual(material.sk.reveal());
  });

  it('runs without X25519 where both sides allow it', () => {
    const { device, server } = challenged({ requireForwardSecrecy: false });
    expect(device.hello.ePne).toEqual(NONE);
    expect(server.challenge.eServer).toEqual(NONE);
    const { hashPne } = device.answer(relayed(server), expected);
    expect(device.confirm(server.verify(hashPne).hashServer).sk.length).toBe(32);
  });

  it('takes one rand_server for several PNEs of a request', () => {
    const device = PneHandshake.begin(pneOptions);
    const randServer = entropy.bytes(32);
    expect(challengeFor(device.hello, { randServer }).challenge.randServer).toEqual(randServer);
  });

  it('differs in every value from run to run', () => {
    const runs = [challenged(), challenged()].map(({ device, server }) => {
      const { hashPne, localEuKey } = device.answer(relayed(server), expected);
      const { hashServer, material } = server.verify(hashPne);
      const values = [
        device.hello.randPne,
        device.hello.ePne,
        device.hello.reqMac,
        ...Object.values(server.challenge),
        hashPne,
        hashServer,
      ];
      return [...values, material.th, material.sk.reveal(), localEuKey?.key.reveal() ?? NONE].map(toHex);
    });
    expect(new Set(runs.flat()).size).toBe(2 * (runs[0]?.length ?? 0));
  });

  it('accepts nothing when any octet of the challenge was changed on the way', () => {
    for (const localEuKeyNeeded of [true, false]) {
      for (const field of ['randServer', 'eServer', 'wrapped'] as const) {
        const length = challenged({ localEuKeyNeeded }).server.challenge[field].length;
        fc.assert(
          fc.property(fc.nat(Math.max(length - 1, 0)), fc.integer({ min: 1, max: 255 }), (at, mask) => {
            const { device, server } = challenged({ localEuKeyNeeded });
            const altered = server.challenge[field].slice();
            if (altered.length === 0) return;
            altered[at] = (altered[at] as number) ^ mask;
            let hashPne: Uint8Array;
            try {
              hashPne = device.answer(relayed(server, { [field]: altered }), expected).hashPne;
            } catch (error) {
              expect(error).toEqual(authError((error as { code: string }).code));
              return;
            }
            // The top bit of an X25519 value does not enter the secret, but it enters the transcript.
            expect(() => server.verify(hashPne)).toThrow(authError('WrongPneHash'));
          }),
          { numRuns: 10 },
        );
      }
    }
  });

  it('refuses steps out of order, and a second use of either side', () => {
    const misuse = expect.objectContaining({ family: 'Internal', code: 'OutOfOrder' });
    const { device, server } = challenged();
    expect(() => device.confirm(new Uint8Array(32))).toThrow(misuse);
    const { hashPne } = device.answer(relayed(server), expected);
    expect(() => device.answer(relayed(server), expected)).toThrow(misuse);
    const { hashServer } = server.verify(hashPne);
    expect(() => server.verify(hashPne)).toThrow(misuse);
    device.confirm(hashServer);
    expect(() => device.confirm(hashServer)).toThrow(misuse);
  });

  it('is over after a failed check, and after abort', () => {
    const misuse = expect.objectContaining({ code: 'OutOfOrder' });
    const failed = challenged();
    expect(() => failed.device.answer(relayed(failed.server, { version: 2 }), expected)).toThrow(authError('WrongVersion'));
    expect(() => failed.device.answer(relayed(failed.server), expected)).toThrow(misuse);
    const aborted = challenged();
    aborted.device.abort();
    aborted.server.abort();
    expect(() => aborted.device.answer(relayed(aborted.server), expected)).toThrow(misuse);
    expect(() => aborted.server.verify(new Uint8Array(32))).toThrow(misuse);
  });

  it('leaves no private value behind: x_PNE, x_S and the LocalEUKey at the server', () => {
    const [atPne, atServer] = [new WatchedEntropy(), new WatchedEntropy()];
    const device = PneHandshake.begin({ ...pneOptions, entropy: atPne });
    const hello = verifyHello({ provider, root: rootPne, idGw: gateway, hello: device.hello });
    const server = ServerHandshake.challenge({
      provider,
      entropy: atServer,
      rootPne,
      rootGw,
      idServer,
      idPne: pne,
      idGw: gateway,
      pnId,
      hello,
      randGw,
    });
    expect([atServer.given.length, atServer.leftOver]).toEqual([3, 1]);
    expect(atServer.given.filter((octets) => octets.some((octet) => octet !== 0))).toEqual([server.challenge.randServer]);
    expect([atPne.given.length, atPne.leftOver]).toEqual([2, 1]);
    device.answer(relayed(server), expected);
    expect([atPne.given.length, atPne.leftOver]).toEqual([2, 1]);
    expect(atPne.given.filter((octets) => octets.some((octet) => octet !== 0))).toEqual([device.hello.randPne]);
  });
});

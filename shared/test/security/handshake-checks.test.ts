import { describe, expect, it } from 'vitest';
import { type EntityId, type KeyId, serverId } from '../../src/ids.js';
import {
  decideIdentities,
  gatewayHeader,
  type HelloArrival,
  PneHandshake,
  refuseDowngrade,
  ServerHandshake,
  unwrapForGateway,
  verifyHello,
} from '../../src/security/index.js';
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
  newRoot,
  otherGateway,
  otherPne,
  otherPnId,
  pne,
  pneOptions,
  pnId,
  provider,
  randGw,
  relayed,
  rootGw,
  rootPne,
  setupOptions,
  signedAgain,
} from './handshake-fixture.js';

describe('the server, before anything else', () => {
  const relayedHello: HelloArrival = {
    connectionSetup: false,
    session: gateway,
    topic: gateway,
    envelopeSender: gateway,
    hello: { idPne: pne, kid: rootPne.kid },
    row: { kid: rootPne.kid, entityId: pne, active: true },
  };
  const ownHello: HelloArrival = {
    connectionSetup: true,
    session: undefined,
    topic: gateway,
    envelopeSender: gateway,
    hello: { idPne: gateway, kid: rootGw.kid },
    row: { kid: rootGw.kid, entityId: gateway, active: true },
  };

  it('names the owner of the key as ID_A and the owner of the session as ID_B', () => {
    expect(decideIdentities(relayedHello)).toEqual({ idPne: pne, idGw: gateway });
  });

  it('leaves ID_B empty in Connection setup, where ID_A is the TLS identity', () => {
    expect(decideIdentities(ownHello)).toEqual({ idPne: gateway, idGw: '' });
    const otherRow = { kid: rootPne.kid, entityId: pne, active: true };
    const inOtherName = { ...ownHello, hello: relayedHello.hello, row: otherRow };
    expect(() => decideIdentities(inOtherName)).toThrow(authError('NotOwnSetup'));
  });

  it('wants the request to come in an SK session of the PN GW', () => {
    expect(() => decideIdentities({ ...relayedHello, session: undefined })).toThrow(authError('NotInSession'));
    expect(() => decideIdentities({ ...relayedHello, session: otherGateway })).toThrow(authError('NotInSession'));
  });

  it('wants topic and envelope sender to be that PN GW', () => {
    expect(() => decideIdentities({ ...relayedHello, topic: otherGateway })).toThrow(authError('WrongSender'));
    expect(() => decideIdentities({ ...relayedHello, envelopeSender: pne })).toThrow(authError('WrongSender'));
    expect(() => decideIdentities({ ...ownHello, envelopeSender: pne })).toThrow(authError('WrongSender'));
    const consistentButForeign = { ...relayedHello, topic: otherGateway, envelopeSender: otherGateway };
    expect(() => decideIdentities(consistentButForeign)).toThrow(authError('NotInSession'));
  });

  it('wants the kid to be known', () => {
    expect(() => decideIdentities({ ...relayedHello, row: undefined })).toThrow(authError('UnknownKid'));
    const foreignRow = { kid: rootGw.kid, entityId: pne, active: true };
    expect(() => decideIdentities({ ...relayedHello, row: foreignRow })).toThrow(authError('UnknownKid'));
  });

  it('wants the kid to be active', () => {
    const revoked = { kid: rootPne.kid, entityId: pne, active: false };
    expect(() => decideIdentities({ ...relayedHello, row: revoked })).toThrow(authError('RevokedKid'));
  });

  it('refuses the kid of M with the ID of A', () => {
    const rowOfM = { kid: rootPne.kid, entityId: otherPne, active: true };
    expect(() => decideIdentities({ ...relayedHello, row: rowOfM })).toThrow(authError('KidOfAnother'));
  });

  it('refuses a device as its own PN GW', () => {
    expect(() => decideIdentities({ ...relayedHello, hello: ownHello.hello, row: ownHello.row })).toThrow(authError('SelfAsGateway'));
    const hello = verifyHello({ provider, root: rootPne, idGw: gateway, hello: PneHandshake.begin(pneOptions).hello });
    const options = { provider, entropy, rootPne, rootGw, idServer, idPne: gateway, idGw: gateway, pnId, hello, randGw };
    expect(() => ServerHandshake.challenge(options)).toThrow(authError('SelfAsGateway'));
  });
});

describe('the server, with the hello', () => {
  const { hello } = PneHandshake.begin(pneOptions);

  it('wants a reqMAC that holds, whatever field was changed', () => {
    const one = new Uint8Array(32).fill(1);
    const changes = [
      { version: 2 },
      { suite: 2 },
      { idPne: otherPne },
      { request: one },
      { capabilities: one },
      { localEuKeyNeeded: 0 },
      { randPne: one },
      { ePne: one },
      { ePne: NONE },
      { reqMac: new Uint8Array(16) },
      { reqMac: NONE },
      { request: hello.capabilities, capabilities: hello.request },
    ];
    for (const change of changes) {
      const altered = { ...hello, ...change };
      expect(() => verifyHello({ provider, root: rootPne, idGw: gateway, hello: altered }), Object.keys(change).join()).toThrow(
        authError('WrongRequestMac'),
      );
    }
    expect(verifyHello({ provider, root: rootPne, idGw: gateway, hello }).verifiedFor).toBe(gateway);
  });

  it('refuses a hello that was made for another PN GW', () => {
    expect(() => verifyHello({ provider, root: rootPne, idGw: otherGateway, hello })).toThrow(authError('WrongRequestMac'));
  });

  it('refuses the hello of a PNE as a Connection setup, and the other way round', () => {
    expect(() => verifyHello({ provider, root: rootPne, idGw: '', hello })).toThrow(authError('WrongRequestMac'));
    const setup = PneHandshake.begin(setupOptions).hello;
    expect(() => verifyHello({ provider, root: rootGw, idGw: otherGateway, hello: setup })).toThrow(authError('WrongRequestMac'));
  });

  it('does the work for an unknown kid and gives the same status', () => {
    expect(() => verifyHello({ provider, root: undefined, idGw: gateway, hello })).toThrow(authError('UnknownKid'));
    const wrongKid = { ...hello, kid: '0123456789abcdef' as KeyId };
    expect(() => verifyHello({ provider, root: rootPne, idGw: gateway, hello: wrongKid })).toThrow(authError('UnknownKid'));
  });

  it('refuses what was made with another key', () => {
    const other = PneHandshake.begin({ ...pneOptions, root: { ...newRoot(), kid: rootPne.kid } }).hello;
    expect(() => verifyHello({ provider, root: rootPne, idGw: gateway, hello: other })).toThrow(authError('WrongRequestMac'));
  });

  it('wants its own version and suite, and fields of the right length, even from a device that signs them', () => {
    const refusals = [
      [{ version: 2 }, 'WrongVersion'],
      [{ suite: 2 }, 'WrongSuite'],
      [{ randPne: new Uint8Array(31) }, 'BadHello'],
      [{ ePne: new Uint8Array(31) }, 'BadHello'],
      [{ localEuKeyNeeded: 2 }, 'BadHello'],
    ] as const;
    for (const [change, code] of refusals) {
      const signed = signedAgain({ ...hello, ...change }, gateway);
      expect(() => verifyHello({ provider, root: rootPne, idGw: gateway, hello: signed })).toThrow(authError(code));
    }
    for (const change of [{ localEuKeyNeeded: 1 }, { capabilities: new Uint8Array(1) }, { request: new Uint8Array(1) }]) {
      const asking = signedAgain({ ...PneHandshake.begin(setupOptions).hello, ...change }, '', rootGw);
      expect(() => verifyHello({ provider, root: rootGw, idGw: '', hello: asking })).toThrow(authError('NoGateway'));
    }
  });

  it('refuses a run below what both sides support', () => {
    const used = { version: 1, suite: 1 };
    const better = { version: 2, suite: 2 };
    expect(() => refuseDowngrade(used, better)).not.toThrow();
    expect(() => refuseDowngrade(used, better, better)).toThrow(authError('Downgrade'));
    expect(() => refuseDowngrade(used, { version: 1, suite: 2 }, better)).toThrow(authError('Downgrade'));
    expect(() => refuseDowngrade(used, { version: 2, suite: 1 }, better)).toThrow(authError('Downgrade'));
    expect(() => refuseDowngrade(better, better, better)).not.toThrow();
  });

  it('insists on X25519 unless told otherwise', () => {
    const pskOnly = PneHandshake.begin({ ...pneOptions, requireForwardSecrecy: false }).hello;
    expect(() => challengeFor(pskOnly)).toThrow(authError('NoForwardSecrecy'));
    expect(challengeFor(pskOnly, { requireForwardSecrecy: false }).challenge.eServer).toEqual(NONE);
  });

  it('refuses an X25519 value of small order', () => {
    const signed = signedAgain({ ...hello, ePne: new Uint8Array(32) }, gateway);
    expect(() => challengeFor(signed)).toThrow(authError('ZeroSharedSecret'));
  });

  it('wants to know the PN, the nonce and the key of the PN GW', () => {
    expect(() => challengeFor(hello, { pnId: NONE })).toThrow(authError('WrongPn'));
    expect(() => challengeFor(hello, { randGw: NONE })).toThrow(authError('BadGatewayNonce'));
    expect(() => challengeFor(hello, { rootGw: undefined })).toThrow(authError('NoGatewayKey'));
  });

  it('challenges only for the identities that the hello was verified for', () => {
    const verified = verifyHello({ provider, root: rootPne, idGw: gateway, hello });
    const run = { provider, entropy, rootPne, rootGw, idServer, idPne: pne, idGw: gateway as EntityId | '', pnId, randGw, hello: verified };
    for (const change of [{ idPne: otherPne }, { idGw: otherGateway }, { rootPne: newRoot() }]) {
      expect(() => ServerHandshake.challenge({ ...run, ...change })).toThrow(authError('WrongIdentities'));
    }
  });

  it('believes in the PNE only after hash_PNE', () => {
    const { device, server } = challenged();
    const { hashPne } = device.answer(relayed(server), expected);
    const wrong = hashPne.map((octet, at) => (at === 31 ? octet ^ 1 : octet));
    expect(() => server.verify(wrong)).toThrow(authError('WrongPneHash'));
    expect(() => challenged().server.verify(NONE)).toThrow(authError('WrongPneHash'));
    expect(() => challenged().server.verify(hashPne)).toThrow(authError('WrongPneHash'));
  });
});

describe('the PNE', () => {
  it('does not begin without knowing its PN GW, nor with itself as PN GW', () => {
    expect(() => PneHandshake.begin({ ...pneOptions, idGw: '' })).toThrow(authError('NoGateway'));
    for (const change of [{ localEuKeyNeeded: true }, { capabilities: new Uint8Array(1) }, { request: new Uint8Array(1) }])
      expect(() => PneHandshake.begin({ ...setupOptions, ...change })).toThrow(authError('NoGateway'));
    expect(() => PneHandshake.begin({ ...pneOptions, idGw: pne })).toThrow(authError('SelfAsGateway'));
  });

  const refusals = [
    ['another version', { version: 2 }, 'WrongVersion'],
    ['another suite', { suite: 2 }, 'WrongSuite'],
    ['a server other than the enrolled one', { idServer: serverId('other.example') }, 'WrongServer'],
    ['a PN GW other than the one proven on this link', { idGw: otherGateway }, 'WrongGateway'],
    ['no PN GW', { idGw: undefined }, 'WrongGateway'],
    ['an empty PN GW', { idGw: '' }, 'WrongGateway'],
    ['a PN other than the one it asked for', { pnId: otherPnId }, 'WrongPn'],
    ['no PN', { pnId: NONE }, 'WrongPn'],
    ['a nonce of a wrong length', { randServer: new Uint8Array(31) }, 'BadServerNonce'],
    ['the X25519 answer taken out', { eServer: NONE }, 'NoForwardSecrecy'],
    ['an X25519 value of small order', { eServer: new Uint8Array(32) }, 'LocalEuKeyRefused'],
    ['the LocalEUKey taken out although it asked for one', { wrapped: NONE }, 'LocalEuKeyMissing'],
    ['a LocalEUKey that does not unwrap', { wrapped: new Uint8Array(48) }, 'LocalEuKeyRefused'],
    ['a LocalEUKey that is too long', { wrapped: new Uint8Array(64) }, 'LocalEuKeyRefused'],
  ] as const;
  for (const [what, change, code] of refusals) {
    it(`refuses a challenge with ${what}`, () => {
      const { device, server } = challenged();
      expect(() => device.answer(relayed(server, change), expected)).toThrow(authError(code));
    });
  }

  it('refuses a challenge for a PN or over a PN GW that it does not expect', () => {
    for (const [change, code] of [
      [{ pnId: otherPnId }, 'WrongPn'],
      [{ pnId: NONE }, 'WrongPn'],
      [{ idGw: otherGateway }, 'WrongGateway'],
      [{ idGw: '' }, 'WrongGateway'],
    ] as const) {
      const { device, server } = challenged();
      expect(() => device.answer(relayed(server), { ...expected, ...change })).toThrow(authError(code));
    }
    const { device, server } = challenged();
    const short = pnId.subarray(1);
    expect(() => device.answer(relayed(server, { pnId: short }), { ...expected, pnId: short })).toThrow(authError('WrongPn'));
  });

  it('refuses a zero X25519 secret where no LocalEUKey would tell', () => {
    const { device, server } = challenged({ localEuKeyNeeded: false });
    expect(() => device.answer(relayed(server, { eServer: new Uint8Array(32) }), expected)).toThrow(authError('ZeroSharedSecret'));
  });

  it('refuses a LocalEUKey or an X25519 value that it did not ask for', () => {
    const unasked = challenged({ localEuKeyNeeded: false });
    const wrapped = challenged().server.challenge.wrapped;
    expect(() => unasked.device.answer(relayed(unasked.server, { wrapped }), expected)).toThrow(authError('LocalEuKeyUnasked'));
    const pskOnly = challenged({ requireForwardSecrecy: false });
    const eServer = provider.x25519Public(entropy.bytes(32));
    expect(() => pskOnly.device.answer(relayed(pskOnly.server, { eServer }), expected)).toThrow(authError('NoForwardSecrecy'));
  });

  it('believes the server only after hash_server, which is not its own hash sent back', () => {
    for (const forge of [(hashPne: Uint8Array) => hashPne, () => NONE, () => new Uint8Array(32)]) {
      const { device, server } = challenged();
      const { hashPne } = device.answer(relayed(server), expected);
      expect(() => device.confirm(forge(hashPne))).toThrow(authError('WrongServerHash'));
    }
  });
});

describe('the PN GW', () => {
  it('forwards a hello only for the device that was proven on the link', () => {
    const { device, server } = challenged();
    const view = { provider, idServer, idPne: otherPne, idGw: gateway, pnId, hello: device.hello, challenge: server.challenge };
    expect(() => gatewayHeader(view)).toThrow(authError('WrongPne'));
  });

  it('gets a LocalEUKey only for what it sees itself', () => {
    const { device, server } = challenged();
    const { randServer, eServer, wrapped, wrappedForGateway } = server.challenge;
    const view = { provider, idServer, idPne: pne, idGw: gateway, pnId, hello: device.hello, challenge: { randServer, eServer } };
    const header = gatewayHeader(view);
    const unwrap = { provider, root: rootGw, header, randGw, wrapped: wrappedForGateway };
    expect(unwrapForGateway(unwrap).length).toBe(32);
    const { hello } = device;
    const otherViews = [
      { ...view, idServer: serverId('other.example') },
      { ...view, idGw: otherGateway },
      { ...view, pnId: otherPnId },
      { ...view, hello: { ...hello, localEuKeyNeeded: 0 } },
      { ...view, hello: { ...hello, capabilities: NONE } },
      { ...view, hello: { ...hello, randPne: randServer } },
      { ...view, challenge: { randServer, eServer: randServer } },
    ];
    const refused = [
      ...otherViews.map((other) => ({ ...unwrap, header: gatewayHeader(other) })),
      { ...unwrap, randGw: new Uint8Array(32) },
      { ...unwrap, wrapped },
      { ...unwrap, wrapped: new Uint8Array(48) },
      { ...unwrap, wrapped: new Uint8Array(47) },
      { ...unwrap, root: rootPne },
    ];
    for (const attempt of refused) expect(() => unwrapForGateway(attempt)).toThrow(authError('LocalEuKeyRefused'));
    expect(() => unwrapForGateway({ ...unwrap, wrapped: NONE })).toThrow(authError('LocalEuKeyMissing'));
  });

  it('refuses a wrap that the server made for an earlier request', () => {
    const first = challenged();
    const second = challengeFor(first.device.hello, { randGw: new Uint8Array(32).fill(0xb2) });
    const header = headerAtGateway(first.device, first.server);
    const replayed = {
      provider,
      root: rootGw,
      header,
      randGw: new Uint8Array(32).fill(0xb2),
      wrapped: first.server.challenge.wrappedForGateway,
    };
    expect(() => unwrapForGateway(replayed)).toThrow(authError('LocalEuKeyRefused'));
    expect(second.challenge.wrappedForGateway).not.toEqual(first.server.challenge.wrappedForGateway);
  });
});

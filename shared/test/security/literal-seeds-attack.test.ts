import { expect, it } from 'vitest';
import type { EntityId } from '../../src/ids.js';
import { decideIdentities, gatewayHeader, PneHandshake, unwrapForGateway } from '../../src/security/index.js';
import {
  authError,
  challengeFor,
  entropy,
  expected,
  gateway,
  idServer,
  newRoot,
  otherGateway,
  pne,
  pneOptions,
  pnId,
  provider,
  randGw,
  relayed,
  rootGw,
  rootPne,
} from './handshake-fixture.js';

/**
 * The attack that breaks the seeds' scheme read literally: one malicious PN GW (or one leaked EUKey), C, has the server wrap a
 * LocalEUKey for "A with C" and plays the wrap to A while A sets up its PN with the honest B. C would then know the key of that hop.
 */
const rootC = newRoot();
const rowOfA = { kid: rootPne.kid, entityId: pne, active: true };

/** What C can get out of the server with its own session and everything that it saw of A. */
function harvest(said: PneHandshake['hello'], idGw: EntityId) {
  const ids = decideIdentities({ connectionSetup: false, session: idGw, topic: idGw, envelopeSender: idGw, hello: said, row: rowOfA });
  return challengeFor(said, { ...ids, rootGw: rootC, randGw: entropy.bytes(32) });
}

it('gives C nothing for a hello that A made for B', () => {
  const { hello } = PneHandshake.begin(pneOptions);
  expect(() => harvest(hello, otherGateway)).toThrow(authError('WrongRequestMac'));
});

it('gives C nothing for a hello of A that it puts together itself', () => {
  const { hello } = PneHandshake.begin({ ...pneOptions, idGw: otherGateway, root: { ...rootC, kid: rootPne.kid } });
  expect(() => harvest(hello, otherGateway)).toThrow(authError('WrongRequestMac'));
});

it('does not let C name B in its own session', () => {
  const { hello } = PneHandshake.begin(pneOptions);
  const claim = { connectionSetup: false, session: otherGateway, topic: gateway, envelopeSender: gateway, hello, row: rowOfA };
  expect(() => decideIdentities(claim)).toThrow(authError('NotInSession'));
});

it('does not let C play the wrap of a run "A with C" to A in its run with B', () => {
  // A does talk to C at times, so C has a wrap for A whose LocalEUKey it knows.
  const withC = PneHandshake.begin({ ...pneOptions, idGw: otherGateway });
  const harvested = harvest(withC.hello, otherGateway);
  const withB = PneHandshake.begin(pneOptions);
  const honest = challengeFor(withB.hello);
  const { randServer, eServer, wrapped } = harvested.challenge;
  for (const change of [{ wrapped }, { wrapped, randServer }, { wrapped, randServer, eServer }, { wrapped, eServer }]) {
    const device = PneHandshake.begin(pneOptions);
    expect(() => device.answer(relayed(challengeFor(device.hello), change), expected)).toThrow(authError('LocalEuKeyRefused'));
  }
  // Nor can A be made to name C in its run with B.
  expect(() => withB.answer(relayed(honest, { ...harvested.challenge, idGw: otherGateway }), expected)).toThrow(authError('WrongGateway'));
});

it('does not let C play what B got, nor A take the wrap of an earlier run with B', () => {
  const device = PneHandshake.begin(pneOptions);
  const honest = challengeFor(device.hello);
  const view = { provider, idServer, idPne: pne, idGw: otherGateway, pnId, hello: device.hello, challenge: honest.challenge };
  const { wrappedForGateway, wrapped } = honest.challenge;
  const stolen = { provider, root: rootC, header: gatewayHeader(view), randGw, wrapped: wrappedForGateway };
  expect(() => unwrapForGateway(stolen)).toThrow(authError('LocalEuKeyRefused'));
  expect(() => unwrapForGateway({ ...stolen, root: rootGw })).toThrow(authError('LocalEuKeyRefused'));
  const next = PneHandshake.begin(pneOptions);
  expect(() => next.answer(relayed(challengeFor(next.hello), { wrapped }), expected)).toThrow(authError('LocalEuKeyRefused'));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntityId } from '../../../src/ids.js';
import { decideIdentities, type HelloArrival, PneHandshake, verifyHello } from '../../../src/security/index.js';
import {
  authError,
  challengeFor,
  expected,
  gateway,
  newRoot,
  otherGateway,
  otherPne,
  otherPnId,
  pne,
  pneOptions,
  pnId,
  provider,
  relayed,
  rootGw,
  rootPne,
  setupOptions,
} from '../handshake-fixture.js';

const rootM = newRoot();
const rows = new Map(
  (
    [
      [rootPne.kid, pne],
      [rootGw.kid, gateway],
      [rootM.kid, otherPne],
    ] as const
  ).map(([kid, entityId]) => [kid as string, entityId]),
);
const ids = fc.constantFrom(pne, gateway, otherGateway, otherPne);
const kids = fc.constantFrom(rootPne.kid, rootGw.kid, rootM.kid, newRoot().kid);

/** Whatever an attacker can make arrive at the server: any names, any key, in any session or none, by an active key or a revoked one. */
const arrivals: fc.Arbitrary<HelloArrival> = fc
  .record({
    connectionSetup: fc.boolean(),
    session: fc.option(ids, { nil: undefined }),
    topic: ids,
    envelopeSender: ids,
    idPne: ids,
    kid: kids,
    active: fc.boolean(),
  })
  .map(({ idPne, kid, active, ...rest }) => {
    const entityId = rows.get(kid);
    return { ...rest, hello: { idPne, kid }, row: entityId && { kid, entityId, active } };
  });

function decided(arrival: HelloArrival) {
  try {
    return decideIdentities(arrival);
  } catch (error) {
    expect(error).toMatchObject({ family: 'Auth' });
    return undefined;
  }
}

describe('registration.pv', () => {
  it('R5 one name for a device, R6 one device for a name, R7 only through a PN GW that asked, R10 never through itself', () => {
    let believed = 0;
    fc.assert(
      fc.property(arrivals, (arrival) => {
        const who = decided(arrival);
        if (who === undefined) return;
        believed++;
        expect(arrival.row?.active).toBe(true);
        expect(who.idPne).toBe(rows.get(arrival.hello.kid));
        expect(who.idPne).toBe(arrival.hello.idPne);
        expect(who.idGw).toBe(arrival.connectionSetup ? '' : arrival.session);
        expect([arrival.topic, arrival.envelopeSender]).toEqual(arrival.connectionSetup ? [who.idPne, who.idPne] : [who.idGw, who.idGw]);
        expect(who.idGw).not.toBe(who.idPne);
      }),
      { numRuns: 5_000, seed: 1 },
    );
    expect(believed).toBeGreaterThan(20);
  });

  it('R1 SK secret at the device, R2 SK secret at the server, R3 device agrees with server, R4 server agrees with device: in either role, for that run', () => {
    const views = fc.record({ root: fc.constantFrom(rootPne, rootM), idGw: fc.constantFrom<EntityId | ''>(gateway, otherGateway, '') });
    fc.assert(
      fc.property(views, views, (mine, theirs) => {
        const { hello } = PneHandshake.begin({ ...(mine.idGw === '' ? setupOptions : pneOptions), idPne: pne, ...mine });
        const verify = () => verifyHello({ provider, root: theirs.root, idGw: theirs.idGw, hello });
        if (mine.root === theirs.root && mine.idGw === theirs.idGw) expect(verify().verifiedFor).toBe(mine.idGw);
        else expect(verify).toThrow(expect.objectContaining({ family: 'Auth' }));
      }),
    );
    const [one, two] = [1, 2].map(() => {
      const device = PneHandshake.begin(pneOptions);
      const server = challengeFor(device.hello);
      const { hashPne } = device.answer(relayed(server), expected);
      const { hashServer, material } = server.verify(hashPne);
      return [material.sk.reveal(), device.confirm(hashServer).sk.reveal()];
    });
    expect(one?.[0]).toEqual(one?.[1]);
    expect(one?.[0]).not.toEqual(two?.[0]);
  });

  it('R8 the PNE asked that PN GW for that PN, R9 forwarded only for who is linked', () => {
    for (const [change, code] of [
      [{ idGw: otherGateway }, 'WrongGateway'],
      [{ pnId: otherPnId }, 'WrongPn'],
    ] as const) {
      const device = PneHandshake.begin(pneOptions);
      expect(() => device.answer(relayed(challengeFor(device.hello), change), expected)).toThrow(authError(code));
    }
    const device = PneHandshake.begin(pneOptions);
    expect(() => device.answer(relayed(challengeFor(device.hello)), { pnId, idGw: otherGateway })).toThrow(authError('WrongGateway'));
  });
});

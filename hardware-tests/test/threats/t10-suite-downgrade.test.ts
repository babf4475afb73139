import {
  authenticationRequest,
  authenticationRequestToPne,
  authorizationRequest,
  type CborMap,
  type CborValue,
  connectionSetupRequest,
  decodeCbor,
  encodeCbor,
  fromOctets,
  helloRequest,
  pnRegistrationRequest,
  toOctets,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { type Household, household, LAPTOP_ID } from '../simulation/household.js';
import { another, Liar, nothing } from '../simulation/liar.js';
import { expectNoPn, withLyingLaptop } from '../simulation/lying-gateway.js';

/** The request octets with another version or suite as the highest supported. */
const claiming = (change: { version?: number; suite?: number }) => (value: CborValue | undefined) =>
  toOctets(helloRequest, { ...fromOctets(helloRequest, value as Uint8Array, 'request'), ...change });

/** Changes one field of every clear message of that number on the uplink. */
function inClear({ attacker }: Household, number: number, path: readonly number[], change: (value: CborValue | undefined) => CborValue) {
  let changed = 0;
  attacker.scheme = ({ way, octets }) => {
    if (way !== 'uplink' || octets[0] !== 0) return 'pass';
    const envelope = new Map(decodeCbor(octets.slice(1)) as CborMap);
    if (envelope.get(2) !== number) return 'pass';
    let map = new Map(envelope.get(5) as Map<number, CborValue>);
    envelope.set(5, map);
    for (const key of path.slice(0, -1)) {
      const inner = new Map(map.get(key) as Map<number, CborValue>);
      map.set(key, inner);
      map = inner;
    }
    map.set(path.at(-1) as number, change(map.get(path.at(-1) as number)));
    changed++;
    return Uint8Array.of(0, ...encodeCbor(envelope));
  };
  return () => changed;
}

describe('T10 Downgrade of suite / X25519 / version', () => {
  it.each([
    ['E_PNE, taken out', [7, 0, 9], nothing],
    ['E_PNE, another', [7, 0, 9], another],
    ['version, an older one', [7, 0, 1], () => 0],
    ['suite, another one', [7, 0, 2], another],
    ['highest version of the PNE, an older one', [7, 0, 5], claiming({ version: 0 })],
    ['highest suite of the PNE, a lower one', [7, 0, 5], claiming({ suite: 0 })],
  ])('a PN GW that forwards %s, gets no PN', async (_name, path, change) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnRegistrationRequest.number, path, change as (value: CborValue | undefined) => CborValue);
    await expectNoPn(home);
  });

  it.each([
    ['E_S, taken out', [1, 7], nothing],
    ['E_S, another', [1, 7], another],
    ['version, an older one', [1, 1], () => 0],
    ['suite, another one', [1, 2], another],
  ])('a PN GW that relays a challenge with %s, gets no PN', async (_name, path, change) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(authenticationRequestToPne.number, path, change as (value: CborValue | undefined) => CborValue);
    await expectNoPn(home);
  });

  it('a server that leaves E_S out is refused', async () => {
    const liar = new Liar();
    const home = await household({}, { provider: liar.provider });
    liar.about(authenticationRequest.number, [4, 0, 3], nothing);
    await expectNoPn(home);
  });

  it.each([
    ['Connection Setup Request', connectionSetupRequest.number, [1, 9], 'E_PNE', nothing],
    ['Connection Setup Request', connectionSetupRequest.number, [1, 1], 'version', () => 2],
    ['Connection Setup Request', connectionSetupRequest.number, [1, 2], 'suite', () => 2],
    ['Authentication and Authorization Request', authorizationRequest.number, [1, 7], 'E_S', nothing],
    ['Authentication and Authorization Request', authorizationRequest.number, [1, 1], 'version', () => 2],
    ['Authentication and Authorization Request', authorizationRequest.number, [1, 2], 'suite', () => 2],
  ])(
    'whoever alters the %s of a PN GW (message %i, field %j: its %s), keeps it away, and no more',
    async (_name, number, path, _what, change) => {
      const home = await household();
      home.server.restart();
      const changed = inClear(home, number, path, change);
      await home.clock.advance(20_000);
      expect(changed()).toBeGreaterThan(0);
      expect(home.laptop.device.uplink.isReady).toBe(false);
      home.attacker.rest();
      await home.clock.advance(120_000);
      expect(home.laptop.device.uplink.isReady).toBe(true);
      expect(home.server.database.reads.devices.find(LAPTOP_ID)?.state).toBe('active');
    },
  );
});

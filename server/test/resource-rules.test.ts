import {
  Addressee,
  authenticationResponses,
  bodyOf,
  data,
  dataAnswer,
  pnRegistrationResponse,
  Status,
  sessionUnknown,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultSettings } from '../src/config/settings.js';
import * as broker from './broker/rig.js';
import { type Begun, begin, established, GatewayDouble, PneDouble, proofsOf } from './enabler/devices.js';
import { Rig } from './enabler/rig.js';

// Security 2.1, the server's rules: each at the settings that a server has by default. Those about service groups are in a file of their own.

let rig: Rig;
let gateway: GatewayDouble;
let other: GatewayDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  [gateway, other] = [await GatewayDouble.connected(rig), await GatewayDouble.connected(rig, 'gateway-2')];
});

const pnesOf = (carrier: GatewayDouble, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => PneDouble.of(carrier, `${carrier.entityId}-pne-${i}`)));
const busy = { status: Status.Busy };

/** The device that others must not be able to lock out: a PNE behind another PN GW gets its PN. */
async function expectOthersServed(): Promise<void> {
  const pne = await PneDouble.of(other, `honest-${rig.clock.monotonicMs()}`);
  await established(other, [pne]);
}

async function completed(begun: Begun, pne: PneDouble) {
  const answer = gateway.request(authenticationResponses, proofsOf(begun, [pne]));
  return answer.then(
    (envelope) => bodyOf(envelope, pnRegistrationResponse).status,
    (error) => error.status as Status,
  );
}

it('limits.openChallengesPerGateway: 64 open challenges per PN GW, the 65th is refused, none is evicted', async () => {
  const pnes = await pnesOf(gateway, 65);
  const begun: Begun[] = [];
  for (const [i, pne] of pnes.slice(0, 64).entries()) {
    // As fast as the rate lets a PN GW.
    if (i >= 32) await rig.pass(50);
    begun.push(await begin(gateway, [pne]));
  }
  await rig.pass(1_000);
  await expect(begin(gateway, pnes.slice(64))).rejects.toMatchObject(busy);
  expect(rig.refusals()).toContain('TooManyChallenges');
  await expectOthersServed();
  expect(rig.enabler.gauges().challenges).toBe(64);
  // Every one of them is still good; only the places for PNs come to an end.
  const { pnsPerGateway } = defaultSettings().limits;
  for (const [i, one] of begun.entries()) {
    expect(await completed(one, pnes[i] as PneDouble)).toBe(i < pnsPerGateway ? Status.Success : Status.Busy);
  }
});

it('limits.establishmentsPerSecondPerGateway: 20 establishments/s per PN GW', async () => {
  const pnes = await pnesOf(gateway, 100);
  const tryAll = async (some: readonly PneDouble[]) => {
    const outcomes = await Promise.allSettled(some.map((pne) => begin(gateway, [pne])));
    return outcomes.filter(({ status }) => status === 'fulfilled').length;
  };
  // At once so many as one PN Registration may name.
  expect(await tryAll(pnes.slice(0, 50))).toBe(defaultSettings().limits.pnesPerRegistration);
  expect(rig.refusals()).toContain('TooManyEstablishments');
  await expectOthersServed();
  await rig.pass(1_000);
  expect(await tryAll(pnes.slice(50))).toBe(20);
});

it('limits.openRequestsPerEntity: 64 open requests per entity', async () => {
  const message = { to: Addressee.Server, channel: 'c', contentType: 't', payload: new Uint8Array(1) };
  const ask = async (from: GatewayDouble) => {
    const answer = await from.request(data, { data: { ...message, id: rig.entropy.bytes(16), from: from.entityId } });
    return bodyOf(answer, dataAnswer).receipt.status;
  };
  const outcomes = Promise.allSettled(Array.from({ length: 70 }, () => ask(gateway)));
  const honest = ask(other);
  expect((await outcomes).filter(({ status }) => status === 'rejected')).toHaveLength(6);
  expect(rig.refusals().filter((code) => code === 'TooManyOpenRequests')).toHaveLength(6);
  expect(await honest).toBe(Status.Success);
  expect(await ask(gateway)).toBe(Status.Success);
});

describe('limits.requestsPerSecondPerPne, requestBurstPerPne: PNE 1/s, burst 10', () => {
  it('the eleventh is refused, one a second goes on, another PNE is served', async () => {
    const [pne, neighbour] = await pnesOf(gateway, 2);
    if (pne === undefined || neighbour === undefined) throw new Error('no PNEs');
    for (let i = 0; i < 10; i++) await begin(gateway, [pne]);
    await expect(begin(gateway, [pne])).rejects.toMatchObject(busy);
    expect(rig.refusals()).toContain('TooManyRequests');
    await begin(gateway, [neighbour]);
    for (let second = 0; second < 3; second++) {
      await rig.pass(1_000);
      await begin(gateway, [pne]);
      await expect(begin(gateway, [pne])).rejects.toMatchObject(busy);
    }
  });

  it('is debited by genuine hellos only: who forges them in its name uses nothing up', async () => {
    const [pne] = await pnesOf(gateway, 1);
    if (pne === undefined) throw new Error('no PNE');
    const forged = new PneDouble(gateway, {
      entityId: pne.entityId,
      root: { ...rig.stranger(pne.entityId).root, kid: pne.device.root.kid },
    });
    for (let i = 0; i < 100; i++) await expect(begin(gateway, [forged])).rejects.toMatchObject({ status: Status.AuthFailed });
    for (let i = 0; i < 10; i++) await begin(gateway, [pne]);
  });
});

it('limits.sessionUnknownPerSecondPerGateway: SessionUnknown 1/s per PN GW', async () => {
  const foreign = new Uint8Array(64).fill(7);
  foreign[0] = 3;
  foreign.set([0, 64 - 27], 25);
  const flood = async (from: GatewayDouble) => {
    for (let i = 0; i < 50; i++) await from.publish(foreign);
    return from.take(sessionUnknown).length;
  };
  expect(await flood(gateway)).toBe(1);
  expect(await flood(other)).toBe(1);
  await rig.pass(1_000);
  expect(await flood(gateway)).toBe(1);
});

describe('limits.outboxMessagesPerEntity, outboxOctetsPerEntity: outbox 1,000 messages / 1 MiB per entity', () => {
  const messages = (to: GatewayDouble) => rig.db.reads.outbox.waiting(to.entityId, 2_000).map(({ transaction }) => toHex(transaction));
  /** Messages of the server for a device. Returns how many were taken. */
  const send = async (to: GatewayDouble, count: number, octets: number) => {
    const message = { to: to.entityId, channel: 'c', contentType: 't', payload: new Uint8Array(octets) };
    const sending = Promise.allSettled(Array.from({ length: count }, () => rig.enabler.sendData(message, 0)));
    await rig.pass(1);
    const refused = (await sending).filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'OutboxFull', ...busy });
    return count - refused.length;
  };
  beforeEach(() => rig.detach(gateway.entityId));

  it('the 1,001st message is refused, none of the others goes, another device gets its own', async () => {
    expect(await send(gateway, 1_000, 1)).toBe(1_000);
    const waiting = messages(gateway);
    expect(await send(gateway, 10, 1)).toBe(0);
    expect(messages(gateway)).toEqual(waiting);
    expect(await send(other, 1, 1)).toBe(1);
  });

  it('more than 1 MiB are refused', async () => {
    expect(await send(gateway, 100, 16_000)).toBe(65);
    expect(await send(other, 1, 16_000)).toBe(1);
  });
});

it('uplink.handshakesPerSecondPerAddress: 10 TLS handshakes/s per address', async () => {
  const { handshakesPerSecondPerAddress, handshakeBurstPerAddress } = defaultSettings().uplink;
  expect(handshakesPerSecondPerAddress).toBe(10);
  const startedMs = performance.now();
  const door = await broker.startBroker({ handshakesPerSecondPerAddress, handshakeBurstPerAddress });
  const sockets = await Promise.all(Array.from({ length: 60 }, () => broker.rawSocket(door)));
  await expect.poll(() => door.broker.stats().refused['handshake-rate'] ?? 0).toBeGreaterThan(0);
  const honest = await broker.reachableDevice(door, broker.phone, { localAddress: '127.0.0.2' } as object);
  const earned = ((performance.now() - startedMs) / 1_000) * handshakesPerSecondPerAddress;
  expect(60 - (door.broker.stats().refused['handshake-rate'] ?? 0)).toBeLessThanOrEqual(handshakeBurstPerAddress + earned);
  expect(honest.connected).toBe(true);
  for (const socket of sockets) socket.destroy();
});

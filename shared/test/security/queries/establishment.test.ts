import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntityId } from '../../../src/ids.js';
import { nativeProvider as provider } from '../../../src/node/index.js';
import {
  decideIdentities,
  type EuKeyRoot,
  gatewayHeader,
  type HandshakeHello,
  PneHandshake,
  type PneProof,
  Secret,
  type ServerHandshake,
  toHex,
  unwrapForGateway,
} from '../../../src/security/index.js';
import {
  challengeFor,
  entropy,
  gateway,
  idServer,
  newRoot,
  otherGateway,
  otherPnId,
  pne,
  pneOptions,
  pnId,
  randGw,
  rootGw,
  rootPne,
} from '../handshake-fixture.js';

/** The attacker owns this PN GW: it has its EUKey, and what the server wraps for it. */
const rootC = newRoot();
const rootOf = (id: EntityId) => (id === gateway ? rootGw : rootC);
const rowOfA = { kid: rootPne.kid, entityId: pne, active: true };

/** A run of the server, as it sees it. */
interface ServerRun {
  readonly server: ServerHandshake;
  readonly hello: HandshakeHello;
  readonly idGw: EntityId;
  readonly pnId: Uint8Array;
}

/** A run of the PNE, as it sees it. */
interface DeviceRun {
  readonly device: PneHandshake;
  readonly idGw: EntityId;
  readonly pnId: Uint8Array;
  /** The nonce that it was given, and what it believes to share with its PN GW. */
  given?: { readonly randServer: Uint8Array; readonly hashPne: Uint8Array; readonly grant: PneProof['localEuKey'] };
}

const accepted = { pne: 0, server: 0, keys: 0 };

/** Everything that an attacker on every link of a few runs may do, in any order. Returns who believed what. */
function play(schedule: readonly { readonly act: number; readonly on: number; readonly from: number; readonly mix: number }[]) {
  const devices: DeviceRun[] = [
    { device: PneHandshake.begin({ ...pneOptions, provider }), idGw: gateway, pnId },
    { device: PneHandshake.begin({ ...pneOptions, provider }), idGw: gateway, pnId: otherPnId },
    { device: PneHandshake.begin({ ...pneOptions, provider, idGw: otherGateway }), idGw: otherGateway, pnId },
  ];
  const servers: ServerRun[] = [];
  const proofs: Uint8Array[] = [];
  const answers: Uint8Array[] = [];
  const answerTo = new Map<HandshakeHello, Uint8Array>();
  const atPne: { run: DeviceRun; sk: string }[] = [];
  const atServer: { run: ServerRun; sk: string }[] = [];
  const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
  for (const { act, on, from, mix } of schedule) {
    const run = pick(devices, on);
    try {
      if (act <= 1 || servers.length === 0) {
        const idGw = mix % 4 === 1 ? otherGateway : run.idGw;
        const asked = mix % 4 === 2 ? otherPnId : run.pnId;
        const { hello } = run.device;
        decideIdentities({ connectionSetup: false, session: idGw, topic: idGw, envelopeSender: idGw, hello, row: rowOfA });
        servers.push({ server: challengeFor(hello, { idGw, pnId: asked, rootGw: rootOf(idGw) }), hello, idGw, pnId: asked });
      } else if (act <= 3) {
        const own = servers.filter(({ hello }) => hello === run.device.hello);
        if (mix === 0 && own.length === 0) continue;
        const [one, other] = [pick(mix % 3 !== 2 && own.length > 0 ? own : servers, from), pick(servers, from + mix)];
        const part = (bit: number) => ((mix >> bit) % 4 === 3 ? other : one).server.challenge;
        const challenge = { version: 1, suite: 1, idServer, idGw: run.idGw, pnId: run.pnId };
        const { randServer } = part(0);
        const proof = run.device.answer(
          { ...challenge, randServer, eServer: part(1).eServer, wrapped: part(2).wrapped },
          { pnId: run.pnId, idGw: run.idGw },
        );
        proofs.push(proof.hashPne);
        run.given = { randServer, hashPne: proof.hashPne, grant: proof.localEuKey };
      } else if (act === 4) {
        const honest = servers.find(({ server }) => server.challenge.randServer === run.given?.randServer);
        if (mix === 0 && honest === undefined) continue;
        const target = mix === 0 && honest !== undefined ? honest : pick(servers, from);
        const proof = mix === 0 && run.given !== undefined ? run.given.hashPne : pick(proofs, proofs.length - 1 - (mix % 3));
        const { hashServer, material } = target.server.verify(proof);
        answers.push(hashServer);
        answerTo.set(target.hello, hashServer);
        atServer.push({ run: target, sk: toHex(material.sk.reveal()) });
      } else {
        const own = answerTo.get(run.device.hello);
        if (mix === 0 && own === undefined) continue;
        const material = run.device.confirm(mix === 0 && own !== undefined ? own : pick(answers, answers.length - 1 - (mix % 3)));
        atPne.push({ run, sk: toHex(material.sk.reveal()) });
      }
    } catch (error) {
      // A message that is not there yet, or a refusal.
      if (!(error instanceof TypeError)) expect(error).toMatchObject({ name: 'CpnsError' });
    }
  }
  const heard = [...servers.flatMap(({ server }) => Object.values(server.challenge)), ...proofs, ...answers].map(toHex).join();
  return { devices, servers, atPne, atServer, heard };
}

/** Mostly the honest move, so that runs do come to their end. */
const mixes = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(63));
const schedules = fc.array(fc.record({ act: fc.nat(5), on: fc.nat(2), from: fc.nat(5), mix: mixes }), { minLength: 20, maxLength: 40 });

/** What the owner of C knows of a run. */
const knowsOf = ({ servers }: ReturnType<typeof play>, grantKey: string, root: EuKeyRoot = rootC) =>
  servers.some(({ server, hello, idGw, pnId: asked }) => {
    const view = { provider, idServer, idPne: pne, idGw, pnId: asked, hello, challenge: server.challenge };
    for (const wrapped of [server.challenge.wrappedForGateway, server.challenge.wrapped]) {
      try {
        if (toHex(unwrapForGateway({ provider, root, header: gatewayHeader(view), randGw, wrapped }).reveal()) === grantKey) return true;
      } catch {
        // Not for this key.
      }
    }
    return false;
  });

describe('establishment.pv', () => {
  it('E5 PNE agrees with server on LocalEUKey, E7 PNE agrees with server on the run, E8 server agrees with PNE on the run', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const { atPne, atServer, devices } = play(schedule);
        for (const { run, sk } of atPne) {
          const like = atServer.filter((other) => other.sk === sk);
          expect(like).toHaveLength(1);
          const { run: at } = like[0] as (typeof atServer)[number];
          expect([at.hello, at.idGw, toHex(at.pnId)]).toEqual([run.device.hello, run.idGw, toHex(run.pnId)]);
          expect(at.server.challenge.randServer).toEqual(run.given?.randServer);
        }
        expect(new Set(atPne.map(({ sk }) => sk)).size).toBe(atPne.length);
        expect(new Set(atServer.map(({ sk }) => sk)).size).toBe(atServer.length);
        for (const { run } of atServer) {
          const like = devices.filter(({ device }) => device.hello === run.hello);
          expect(like.map(({ idGw, pnId: asked }) => [idGw, toHex(asked)])).toEqual([[run.idGw, toHex(run.pnId)]]);
          expect(like[0]?.given?.randServer).toEqual(run.server.challenge.randServer);
        }
        accepted.pne += atPne.length;
        accepted.server += atServer.length;
      }),
      { numRuns: 80, seed: 1 },
    );
    expect(accepted.pne).toBeGreaterThan(10);
    expect(accepted.server).toBeGreaterThan(10);
  });

  it('E1 SK secret at PNE, E2 SK secret at server: neither SK nor a key that it comes from is heard', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const { atPne, atServer, heard } = play(schedule);
        for (const { sk } of [...atPne, ...atServer]) expect(heard).not.toContain(sk);
        for (const key of [rootPne.kAuth, rootPne.kWrap, rootGw.kWrap]) expect(heard).not.toContain(toHex(key.reveal()));
      }),
      { numRuns: 40, seed: 2 },
    );
  });

  it('E3 LocalEUKey secret at PNE, E4 LocalEUKey secret at PN GW, E6 PN GW agrees with server: C opens what is for C and nothing else', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const world = play(schedule);
        for (const { idGw, given } of world.devices) {
          if (given?.grant === undefined) continue;
          const key = toHex(given.grant.key.reveal());
          accepted.keys++;
          expect(world.heard).not.toContain(key);
          expect(knowsOf(world, key)).toBe(idGw === otherGateway);
          expect(knowsOf(world, key, rootGw)).toBe(idGw === gateway);
        }
      }),
      { numRuns: 60, seed: 3 },
    );
    expect(accepted.keys).toBeGreaterThan(20);
  });

  it('the same attacker breaks a double that wraps as the seeds say word for word', () => {
    // {LocalEUKey}EUKey, bound to nobody: what C harvested for "A with C" opens for A in its run with B.
    const nobody = new Uint8Array(0);
    const [kekA, kekC] = [new Uint8Array(64).fill(1), new Uint8Array(64).fill(2)];
    const key = new Secret('LocalEUKey', entropy.bytes(32)).reveal();
    const harvested = { forA: provider.wrap(kekA, nobody, key), forC: provider.wrap(kekC, nobody, key) };
    expect(provider.unwrap(kekA, nobody, harvested.forA)).toEqual(provider.unwrap(kekC, nobody, harvested.forC));
  });
});

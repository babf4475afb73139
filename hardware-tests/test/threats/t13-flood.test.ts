import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decodeEnrolment, entityId } from '@cpns/shared';
import {
  authenticationRequest,
  bodyOf,
  encodeCapabilities,
  helloRequest,
  Mode,
  pnRegistrationRequest,
  RequestFlow,
  SetupType,
  Status,
  toOctets,
} from '@cpns/shared/messages';
import { systemEntropy as entropy, nativeProvider as provider } from '@cpns/shared/node';
import { euKeyPrk, PneHandshake, rootFromPrk, Secret } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { RunningServer } from '../../../server/test/end-to-end/running-server.js';
import { ScriptedGateway } from '../../../server/test/end-to-end/scripted-gateway.js';

const FLOOD = 2_000;
const AT_ONCE = 8;
/** Growth of the heap that the runtime itself may cause. What a flood left behind would be more: each Setup has some 500 octets. */
const FLAT_OCTETS = 4_000_000;

const capabilities = encodeCapabilities({
  mode: Mode.Pne,
  mains: true,
  batteryPercent: 100,
  cores: 1,
  memoryMiB: 512,
  networks: [],
  reachesServer: false,
  reachesServerAgeS: 0,
  panTechnologies: [],
  ui: false,
  zone: false,
  subscribed: true,
  canRoute: false,
  preference: 0,
  pairedPnes: 1,
});

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
function usedOctets(): number {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

/** A PN Registration Request of one PNE whose key is `euKey`. */
function setup(server: string, gateway: ScriptedGateway, name: string, euKey: Uint8Array) {
  const root = rootFromPrk(provider, euKeyPrk(provider, new Secret('EUKey', euKey)));
  const { hello } = PneHandshake.begin({
    provider,
    entropy,
    root,
    idServer: server as never,
    idPne: entityId(name),
    idGw: gateway.entityId,
    capabilities,
    request: toOctets(helloRequest, { version: 1, suite: 1, flow: RequestFlow.Setup, setupType: SetupType.OneToOne }),
    localEuKeyNeeded: true,
  });
  return {
    pnId: entropy.bytes(16),
    gatewayCapabilities: capabilities,
    initiator: entityId(name),
    randGw: entropy.bytes(32),
    shareMembers: true,
    pnes: [hello],
  };
}

describe('T13 DoS by unauthenticated requests', () => {
  it(`${FLOOD} fake Setups on loopback: nothing is drawn or kept for them, memory stays flat, an honest set-up goes through`, async () => {
    // A device that sends more than 500 frames a second is cut off: that is raised, so that what lies behind it is tested.
    const running = await RunningServer.start({ uplink: { framesPerSecondPerDevice: 100_000, frameBurstPerDevice: 100_000 } });
    const connect = async (name: string) => {
      const gateway = await ScriptedGateway.connect((await running.enrol(name)).code, running.server.publicAddress);
      await gateway.setUpConnection();
      return gateway;
    };
    const [flooder, honest] = [await connect('flooder'), await connect('honest')];
    const victim = decodeEnrolment(provider, (await running.enrol('victim')).code);
    // In the name of a real device, with its kid or another one, and never with its key.
    const fake = setup(victim.serverId, flooder, 'victim', entropy.bytes(32));
    const kid = rootFromPrk(provider, euKeyPrk(provider, victim.euKey)).kid;
    const [hello] = fake.pnes;
    if (hello === undefined) throw new Error('no hello');
    let answered = 0;
    const flood = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const request = { ...fake, pnId: entropy.bytes(16), pnes: [{ ...hello, ...(i % 2 === 0 && { kid }), randPne: entropy.bytes(32) }] };
        await flooder.request(pnRegistrationRequest, request).catch((error) => {
          if (error.status === Status.AuthFailed) answered++;
        });
      }
    };
    const inParallel = (count: number) => Promise.all(Array.from({ length: AT_ONCE }, () => flood(count / AT_ONCE)));
    // What the server remembers of refusals is bounded; it is full after this.
    await inParallel(FLOOD / 2);
    const before = usedOctets();
    const flooding = inParallel(FLOOD / 2);
    const genuine = victim.euKey.reveal();
    const answer = await honest.request(pnRegistrationRequest, setup(victim.serverId, honest, 'victim', genuine));
    expect(bodyOf(answer, authenticationRequest).pnes).toMatchObject([{ pne: 'victim', status: Status.Success }]);
    await flooding;
    running.logger.lines.splice(0);
    expect(usedOctets() - before).toBeLessThan(FLAT_OCTETS);
    expect(answered).toBe(FLOOD);
    // The one whose name was taken has lost nothing of its own rate.
    for (let i = 0; i < 5; i++) await honest.request(pnRegistrationRequest, setup(victim.serverId, honest, 'victim', genuine));
  }, 60_000);
});

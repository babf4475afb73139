import { entityId } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationRequestToPne,
  bodyOf,
  pnRegistrationRequest,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, GatewayDouble, newPnId, PneDouble, registrationOf } from '../../../server/test/enabler/devices.js';
import { Rig } from '../../../server/test/enabler/rig.js';
import { establishAtPhone, household, logged } from '../simulation/household.js';
import { Liar } from '../simulation/liar.js';

let rig: Rig;
let gateway: GatewayDouble;
let victim: PneDouble;
let mallory: PneDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  [victim, mallory] = [await PneDouble.of(gateway, 'victim'), await PneDouble.of(gateway, 'mallory')];
});

const refused = { status: Status.AuthFailed };
const nothingMade = () => {
  expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
  expect(rig.db.reads.pns.list()).toEqual([]);
};

describe('T23 kid of M with ID of A', () => {
  it('as a PNE: no challenge, and the rate of A is not touched', async () => {
    const posing = new PneDouble(gateway, { entityId: victim.entityId, root: mallory.device.root });
    for (let i = 0; i < 20; i++) await expect(begin(gateway, [posing])).rejects.toMatchObject(refused);
    expect(rig.refusals().at(-1)).toBe('KidOfAnother');
    nothingMade();
    const genuine = new PneDouble(gateway, victim.device);
    for (let i = 0; i < 10; i++) await begin(gateway, [genuine]);
  });

  it('as a PN GW, on the own connection or on that of A: no session', async () => {
    const { entityId } = victim;
    for (const topic of [entityId, mallory.entityId]) {
      const posing = new GatewayDouble(rig, { entityId, root: mallory.device.root });
      rig.attach(topic, () => {});
      const before = rig.enabler.gauges().sessions;
      await expect(posing.setUp()).rejects.toThrow();
      expect(rig.enabler.gauges().sessions).toBe(before);
    }
  });

  it('as one of several PNEs: that one is left out, whichever of the two ids it names', async () => {
    const posing = new PneDouble(gateway, { entityId: victim.entityId, root: mallory.device.root });
    const body = registrationOf(gateway, [mallory, posing], newPnId(rig));
    const { pnes } = bodyOf(await gateway.request(pnRegistrationRequest, body), authenticationRequest);
    expect(pnes.map(({ status }) => status)).toEqual([Status.Success, Status.AuthFailed]);
  });

  it('an ID that looks like a kid is no ID: it could put two devices under one name', () => {
    expect(() => entityId(victim.device.root.kid)).toThrow('16 hex digits');
  });
});

describe('T23 ID_B empty towards a PNE', () => {
  it('a PNE that was told of no PN GW answers nothing, and no PN comes of it', async () => {
    const liar = new Liar();
    const home = await household({ laptop: { provider: liar.provider } });
    liar.about(authenticationRequestToPne.number, [1, 4], () => '');
    await expect(establishAtPhone(home, { type: 'one-to-one' })).rejects.toThrow();
    await home.clock.advance(200_000);
    expect(home.phone.device.state.pns()).toEqual([]);
    expect(home.phone.store.keys('lk/')).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
    expect(logged(home.phone, 'BadMessage') || logged(home.laptop, 'Refused')).toBe(true);
  });

  it('a PNE makes no hello for nobody, and the hello of its Connection setup sets up no PN', async () => {
    const request = { flow: RequestFlow.Setup, setupType: SetupType.OneToOne } as const;
    expect(() => victim.hello(request, { idGw: '' as never })).toThrow('must know which PN GW');
    const body = registrationOf(gateway, [victim], newPnId(rig));
    const [hello] = body.pnes;
    const { randPne, ePne, reqMac } = new GatewayDouble(rig, victim.device).begin().hello;
    const forNobody = { ...hello, randPne, ePne, reqMac, localEuKeyNeeded: 0 } as NonNullable<typeof hello>;
    await expect(gateway.request(pnRegistrationRequest, { ...body, pnes: [forNobody] })).rejects.toMatchObject(refused);
    nothingMade();
  });
});

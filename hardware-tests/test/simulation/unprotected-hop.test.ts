import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { authenticationRequestToPne, authenticationResponse, pneRegistrationForward } from '@cpns/shared/messages';
import { describe, expect, it, vi } from 'vitest';
import { establishAtPhone, type Household, household, LAPTOP_ID, logged, PHONE_ID } from './household.js';
import { another, Liar } from './liar.js';

const LINK = { kind: 'link' } as const;

interface Allowed {
  readonly laptop?: boolean;
  readonly phone?: boolean;
}

/** Phone and laptop, its PN GW, each of which may be allowed to do without a LocalEUKey; what they say is noted. */
async function pair(allowed: Allowed) {
  const [phone, laptop] = [new Liar(), new Liar()];
  const said = { phone: [] as number[], laptop: [] as number[] };
  phone.lie = ({ number }) => said.phone.push(number);
  laptop.lie = ({ number }) => said.laptop.push(number);
  const home = await household({
    phone: { provider: phone.provider, settings: { allowUnprotectedPan: allowed.phone ?? false } },
    laptop: { provider: laptop.provider, settings: { allowUnprotectedPan: allowed.laptop ?? false } },
  });
  const { record } = await establishAtPhone(home, { type: 'one-to-one' });
  await home.clock.advance(1_000);
  return { home, said, phone, laptop, pnId: pnIdText(record.pnId) };
}

const linkOf = ({ phone }: Household) => {
  const link = phone.device.linkTo(LAPTOP_ID);
  if (link === undefined) throw new Error('not linked');
  return link;
};

/** The phone registers anew, with the LocalEUKey that it has, since the server has forgotten the sessions. */
async function registersAnew({ home, said }: Awaited<ReturnType<typeof pair>>): Promise<boolean | undefined> {
  said.phone.length = said.laptop.length = 0;
  home.server.restart();
  const message = { pnId: undefined, to: 'server' as const, channel: 'c', contentType: 't', payload: new Uint8Array(3) };
  let outcome: boolean | undefined;
  void home.phone.device.messenger.outcome(await home.phone.device.messenger.queue(message)).then((is) => {
    outcome = is;
  });
  await home.clock.advance(20_000);
  expect(said.laptop).toContain(pneRegistrationForward.number);
  return outcome;
}

/** As {@link registersAnew}; `meanwhile` happens when the phone's hello, which asks for no LocalEUKey, is on its way. */
async function registersWhile(devices: Awaited<ReturnType<typeof pair>>, meanwhile: () => void): Promise<boolean | undefined> {
  const { laptop, said } = devices;
  laptop.lie = ({ number, body }) => {
    said.laptop.push(number);
    if (number !== pneRegistrationForward.number) return;
    expect((body.get(2) as Map<number, unknown>).get(7)).toBe(0);
    meanwhile();
  };
  return registersAnew(devices);
}

/** ... and both ends lose the PAN session. */
const registersWithoutPan = (devices: Awaited<ReturnType<typeof pair>>) =>
  registersWhile(devices, () => {
    linkOf(devices.home).removePan(devices.pnId);
    devices.home.laptop.device.linkTo(PHONE_ID)?.removePan(devices.pnId);
  });

const hasPan = ({ laptop }: Household, pnId: PnId) => laptop.device.linkTo(PHONE_ID)?.hasPan(pnId);

describe('a run that asks for no LocalEUKey', () => {
  it('needs none in the PAN session that is there', async () => {
    const devices = await pair({});
    expect(await registersAnew(devices)).toBe(true);
  });

  it('is ended by the PN GW when that is gone', async () => {
    const devices = await pair({ phone: true });
    expect(await registersWithoutPan(devices)).toBeUndefined();
    expect(devices.said.laptop).not.toContain(authenticationRequestToPne.number);
    expect(logged(devices.home.laptop, 'UnprotectedHop')).toBe(true);
  });

  it('is ended by the PNE when that is gone', async () => {
    const devices = await pair({ laptop: true });
    expect(await registersWithoutPan(devices)).toBeUndefined();
    expect(devices.said.laptop).toContain(authenticationRequestToPne.number);
    expect(devices.said.phone).not.toContain(authenticationResponse.number);
  });

  it('goes on without protection where both are allowed to, and so do the records for the server', async () => {
    const devices = await pair({ laptop: true, phone: true });
    expect(await registersWithoutPan(devices)).toBe(true);
    expect(hasPan(devices.home, devices.pnId)).toBe(false);
  });

  it('ends when the answer comes outside that session', async () => {
    const devices = await pair({});
    const answersInLink = () => void vi.spyOn(linkOf(devices.home), 'hopOf').mockReturnValue(LINK);
    expect(await registersWhile(devices, answersInLink)).toBeUndefined();
    expect(logged(devices.home.laptop, 'answered outside')).toBe(true);
  });
});

describe('a run with a LocalEUKey', () => {
  it.each([
    ['in the link session', () => LINK, true],
    ['in the PAN session of another PN', (pnId: PnId) => ({ kind: 'pan', pnId }) as const, false],
  ])('ends when the answer comes %s', async (_name, hop, laptop) => {
    const { home, said, pnId } = await pair({ laptop });
    said.phone.length = 0;
    vi.spyOn(linkOf(home), 'hopOf').mockReturnValue(hop(pnId));
    await expect(establishAtPhone(home, { type: 'one-to-one' })).rejects.toThrow();
    expect(said.phone).toContain(authenticationResponse.number);
    expect(logged(home.laptop, 'answered outside')).toBe(true);
  });

  it('ends when the answer is for another PN', async () => {
    const { home, phone } = await pair({});
    phone.about(authenticationResponse.number, [1], another);
    await expect(establishAtPhone(home, { type: 'one-to-one' })).rejects.toThrow();
    expect(logged(home.laptop, 'answered for another')).toBe(true);
  });
});

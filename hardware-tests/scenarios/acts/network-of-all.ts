import type { PnId } from '@cpns/shared';
import type { Telling } from '../scenario.js';
import { create, type Household, household } from './household.js';
import { established, network } from './look.js';
import type { Seat } from './pair.js';

/** A household in which the phone has established a PN of everybody. */
export async function networkOfAll(t: Telling): Promise<Household & { readonly pnId: PnId }> {
  const home = await household(t);
  t.step('The phone establishes a PN of everybody.');
  const { pn } = await create(home.phone, { setup: 'all' });
  await established(t, t.stage.server, { pnId: pn.pnId, gateway: home.laptop, pnes: [home.phone, home.board] });
  return { ...home, pnId: pn.pnId };
}

/** Waits until those who stay have a PN key that is newer than the first one. */
export async function rekeyed(t: Telling, pnId: PnId, devices: readonly Seat[]): Promise<void> {
  for (const device of devices) {
    await t.eventually(`${device.id} has a new PN key`, async () => ((await network(device, pnId))?.keyEpoch ?? 0) >= 2);
  }
}

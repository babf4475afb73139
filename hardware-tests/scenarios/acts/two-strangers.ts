import type { DeviceHandle } from '../../rigs/rig.js';
import { LAPTOP, PHONE } from '../profiles.js';
import type { Telling } from '../scenario.js';
import { elected, probed } from './look.js';
import { pairByCode } from './pair.js';

/** Two devices of one person that are not paired yet. The laptop is better suited as PN GW. */
export interface TwoStrangers {
  readonly phone: DeviceHandle;
  readonly laptop: DeviceHandle;
}

/** Phone and laptop are enrolled and run; nobody is PN GW. */
export async function twoStrangers(t: Telling): Promise<TwoStrangers> {
  t.step('Phone and laptop are enrolled and start.');
  const [phone, laptop] = await Promise.all([t.stage.device('phone', { profile: PHONE }), t.stage.device('laptop', { profile: LAPTOP })]);
  await probed(t, [phone, laptop]);
  return { phone, laptop };
}

/** They pair, and the laptop becomes PN GW. */
export async function meet(t: Telling, { phone, laptop }: TwoStrangers): Promise<void> {
  t.step('Phone and laptop are paired.');
  await pairByCode(laptop, phone);
  await elected(t, laptop, [phone]);
}

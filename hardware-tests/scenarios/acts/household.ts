import type { ControlParams, PnCreated } from '@cpns/agent';
import type { DeviceHandle, DeviceSetup } from '../../rigs/rig.js';
import { BOARD, LAPTOP, PHONE } from '../profiles.js';
import type { Telling } from '../scenario.js';
import { elected, probed, settled } from './look.js';
import { pairByCode, type Seat } from './pair.js';

export type Role = 'phone' | 'laptop' | 'board';

/** Three devices of one person, the laptop paired with both others and PN GW. */
export interface Household {
  readonly phone: DeviceHandle;
  readonly laptop: DeviceHandle;
  readonly board: DeviceHandle;
}

export async function household(t: Telling, setups: Partial<Record<Role, DeviceSetup>> = {}): Promise<Household> {
  t.step('Phone, laptop and board are enrolled and start.');
  const [phone, laptop, board] = await Promise.all([
    t.stage.device('phone', { profile: PHONE, ...setups.phone }),
    t.stage.device('laptop', { profile: LAPTOP, ...setups.laptop }),
    t.stage.device('board', { profile: BOARD, ...setups.board }),
  ]);
  await probed(t, [phone, laptop, board]);
  t.step('The laptop pairs with the phone and with the board.');
  await pairByCode(laptop, phone);
  await pairByCode(laptop, board);
  t.step('The laptop becomes PN GW.');
  await elected(t, laptop, [phone, board]);
  await settled(t, laptop, [phone, board]);
  return { phone, laptop, board };
}

/** Phone and laptop only. */
export async function couple(t: Telling, setups: Partial<Record<Role, DeviceSetup>> = {}): Promise<Omit<Household, 'board'>> {
  t.step('Phone and laptop are enrolled, start and pair; the laptop becomes PN GW.');
  const [phone, laptop] = await Promise.all([
    t.stage.device('phone', { profile: PHONE, ...setups.phone }),
    t.stage.device('laptop', { profile: LAPTOP, ...setups.laptop }),
  ]);
  await probed(t, [phone, laptop]);
  await pairByCode(laptop, phone);
  await elected(t, laptop, [phone]);
  await settled(t, laptop, [phone]);
  return { phone, laptop };
}

/** PN Setup and what follows it never take longer (protocol 0.3). */
const CREATE_MS = 240_000;

/** Establishes a personal network at `initiator`. @throws CpnsError as the agent reports */
export function create(initiator: Seat, params: ControlParams<'pn.create'>): Promise<PnCreated> {
  return initiator.request('pn.create', params, { timeoutMs: CREATE_MS });
}

import type { ControlResult } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import type { DeviceHandle } from '../../rigs/rig.js';
import type { Telling } from '../scenario.js';
import { create, type Household, household } from './household.js';
import { established } from './look.js';
import type { Seat } from './pair.js';

/** Every way into a PN that stands is over by then (protocol 0.3). */
const ENTRY_MS = 240_000;

/** A household in which phone and laptop have a PN, and the board, paired with the laptop, is in none. */
export async function householdWithPn(
  t: Telling,
  setups: Parameters<typeof household>[1] = {},
): Promise<Household & { readonly pnId: PnId }> {
  const home = await household(t, setups);
  t.step('The phone establishes a PN with the laptop.');
  const { pn } = await create(home.phone, { setup: '1-1' });
  await established(t, t.stage.server, { pnId: pn.pnId, gateway: home.laptop, pnes: [home.phone] });
  return { ...home, pnId: pn.pnId };
}

export const join = (device: Seat, pnId: PnId): Promise<ControlResult<'pn.join'>> =>
  device.request('pn.join', { pnId }, { timeoutMs: ENTRY_MS });
export const register = (device: Seat, pnId?: PnId): Promise<ControlResult<'pn.register'>> =>
  device.request('pn.register', pnId === undefined ? {} : { pnId }, { timeoutMs: ENTRY_MS });
export const invite = (inviter: Seat, invited: DeviceHandle, pnId: PnId): Promise<ControlResult<'pn.invite'>> =>
  inviter.request('pn.invite', { pne: invited.id, pnId }, { timeoutMs: ENTRY_MS });

import { pnIdText } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import { type authenticationResponses, pneRequest, type pnRegistrationRequest, pnSetupAck } from '@cpns/shared/messages';
import { establishAtPhone, never } from '../simulation/household.js';
import { pnNamed, type Stage, stage } from './stage.js';

/** A household, and the PN that is asked about. */
export interface Place {
  readonly on: Stage;
  readonly pnId: PnId;
}

/** Long enough for all that does not wait for somebody. */
const SOON_MS = 500;

/** Lets something begin that will not end by itself. */
export async function begun({ home }: Stage, work: Promise<unknown>): Promise<void> {
  work.catch(() => undefined);
  await home.clock.advance(SOON_MS);
}

/** There is no such PN. */
export const nowhere = async (): Promise<Place> => ({ on: await stage(), pnId: '0123456789abcdef0123456789abcdef' as PnId });

/** The phone sets up a PN, and the PN GW's message of that type gets lost. */
export async function heldUp(type: typeof pnRegistrationRequest | typeof authenticationResponses): Promise<Place> {
  const on = await stage();
  on.hold(type);
  await begun(
    on,
    on.home.phone.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never()),
  );
  return { on, pnId: pnNamed(on.parties.laptop, pnSetupAck) };
}

/** All three are in the PN. */
export async function member(asked: readonly EntityId[] = []): Promise<Place> {
  const on = await stage(asked);
  const { record } = await establishAtPhone(on.home, { type: 'all' });
  await on.home.clock.advance(1_000);
  return { on, pnId: pnIdText(record.pnId) };
}

/** The phone has asked to leave, and the server does not hear of it. */
export async function leaving(): Promise<Place> {
  const place = await member();
  place.on.hold(pneRequest);
  await begun(place.on, place.on.home.phone.device.networks.leave(place.pnId));
  return place;
}

/** The phone has left. */
export async function out(): Promise<Place> {
  const place = await member();
  const { clock, phone } = place.on.home;
  await clock.run(phone.device.networks.leave(place.pnId));
  await clock.advance(1_000);
  return place;
}

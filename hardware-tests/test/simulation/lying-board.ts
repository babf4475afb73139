import { pnIdText } from '@cpns/agent';
import { establishAtPhone, type Household, household, LAPTOP_ID } from './household.js';
import { Liar } from './liar.js';

/** The board has been taken over; the phone and the laptop are honest. */
export async function withLyingBoard(type: 'one-to-one' | 'all') {
  const liar = new Liar();
  const home = await household({ board: { provider: liar.provider } });
  const { record: pn } = await establishAtPhone(home, { type });
  await home.clock.advance(1_000);
  return { home, liar, pnId: pnIdText(pn.pnId) };
}

/** The link of the lying board to the PN GW. */
export const toGateway = ({ board }: Household) => {
  const link = board.device.linkTo(LAPTOP_ID);
  if (link === undefined) throw new Error('not linked');
  return link;
};

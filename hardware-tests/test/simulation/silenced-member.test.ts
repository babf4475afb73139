import type { EntityId, SgId } from '@cpns/shared';
import { sgData } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { fromHex, GroupKey, GroupMessages } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { groupKey, groupOf, whoHears } from './groups.js';
import { BOARD_ID, establishAtPhone, household, LAPTOP_ID, PHONE_ID } from './household.js';
import { Liar } from './liar.js';
import { manyHomes } from './many-homes.js';

/** No honest device ever has a higher one, so whoever believes it hears nothing of that sender any more. */
const HIGHEST_BOOT_COUNTER = 0xffff_ffff;

/** A message that an insider, who has the Group Key, seals in the name of another member. */
function forgedAs(name: EntityId, { device, ...insider }: SimulatedDevice, sgId: SgId): Uint8Array {
  const key = new GroupKey('of an insider', fromHex(groupKey({ device, ...insider }, sgId) ?? ''));
  const epoch = device.state.groupKeys(sgId)?.epoch ?? 0n;
  const messages = new GroupMessages(fromHex(sgId), {
    provider: nativeProvider,
    entropy: new InsecureSeededEntropy('insider'),
    self: name,
    bootCounter: HIGHEST_BOOT_COUNTER,
    current: { epoch, key },
  });
  return messages.seal(new Uint8Array([0xa0]), 0);
}

describe('an insider silences a group member', () => {
  it.each(['in its own name', 'in the name of the victim'])('not at its own PN GW, with a message that it hands over %s', async (how) => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(2_000);
    const sgId = await groupOf(home, home.phone, [home.board, home.laptop]);
    const pnId = Buffer.from(record.pnId).toString('hex') as never;
    const from = how === 'in its own name' ? BOARD_ID : PHONE_ID;
    const message = forgedAs(PHONE_ID, home.board, sgId);
    home.board.device.linkTo(LAPTOP_ID)?.exchange.notify(sgData, { sgId: fromHex(sgId), from, message }, { kind: 'pan', pnId });
    await home.clock.advance(1_000);
    expect(await whoHears(home, home.phone, sgId, [home.board, home.laptop])).toEqual([BOARD_ID, LAPTOP_ID]);
  });

  it.each(['in its own name', 'in the name of the victim'])(
    'not behind another PN GW, with a message that its own PN GW lets through %s',
    async (how) => {
      const liar = new Liar();
      const { clock, server, homes } = await manyHomes(3, 1, {}, (id) => (id === 'gateway-0' ? { provider: liar.provider } : {}));
      const [mine, victims, third] = homes;
      if (mine === undefined || victims === undefined || third === undefined) throw new Error('too few homes');
      const [insider, victim, other] = [mine.pnes[0], victims.pnes[0], third.pnes[0]] as [
        SimulatedDevice,
        SimulatedDevice,
        SimulatedDevice,
      ];
      const sgId = await groupOf({ clock, server }, victim, [insider, other]);
      const from = how === 'in its own name' ? insider.id : victim.id;
      const message = forgedAs(victim.id, insider, sgId);
      liar.lie = ({ number, body }) => {
        if (number === sgData.number) body.set(2, from).set(3, message);
      };
      expect(await whoHears({ clock }, insider, sgId, [victim, other])).toEqual([]);
      liar.lie = () => {};
      expect(await whoHears({ clock }, victim, sgId, [insider, other])).toEqual([insider.id, other.id]);
    },
  );
});

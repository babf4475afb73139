import { groupKeyDelivery, sgData } from '@cpns/shared/messages';
import { expect, it, onTestFinished } from 'vitest';
import { groupKey, groupOf, SPREAD_MS, whoHears } from './groups.js';
import { Liar } from './liar.js';
import { manyHomes } from './many-homes.js';

const GATEWAYS = 10;
const PNES = 100;
/** Everybody is asked, gets in, and fetches its keys by then. */
const FORMED_MS = 15_000;

it('1,000 members behind 10 gateways: what one says, and each new key, the server publishes once per gateway', async () => {
  const warnings: string[] = [];
  const warned = ({ message }: Error) => void warnings.push(message);
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  // It tells the truth, and every record that it seals is seen.
  const told = new Liar();
  const { clock, server, homes } = await manyHomes(GATEWAYS, PNES, { provider: told.provider });
  const members = homes.flatMap(({ pnes }) => pnes);
  const [owner, ...others] = members as [(typeof members)[number], ...typeof members];
  const sgId = await groupOf({ clock, server }, owner, others);
  await clock.advance(FORMED_MS);
  const epoch = () => server.database.reads.groups.find(sgId)?.epoch;
  expect(server.database.reads.groups.members(sgId)).toHaveLength(GATEWAYS * PNES);
  expect(new Set(members.map((member) => groupKey(member, sgId))).size).toBe(1);

  const sealed: number[] = [];
  const published: string[] = [];
  told.lie = ({ number }) => void sealed.push(number);
  server.hook = ({ from, to, octets }) => {
    if (from === 'server') published.push(to);
    return octets;
  };
  const times = (number: number) => sealed.filter((one) => one === number).length;

  // The gateway of the sender has given it to its own members already.
  expect(await whoHears({ clock }, owner, sgId, others)).toHaveLength(others.length);
  expect(times(sgData.number)).toBe(GATEWAYS - 1);
  expect(published.length).toBeLessThan(3 * GATEWAYS);

  const before = epoch();
  await clock.run(owner.device.groups.expel(sgId, [(others[500] as (typeof others)[number]).id]));
  await clock.advance(SPREAD_MS);
  expect(epoch()).toBe((before ?? 0) + 1);
  expect(times(groupKeyDelivery.number)).toBe(GATEWAYS);
  const remaining = members.filter((_, at) => at !== 501);
  expect(new Set(remaining.map((member) => groupKey(member, sgId))).size).toBe(1);
  expect(await whoHears({ clock }, owner, sgId, others)).toHaveLength(others.length - 1);
  // As many listen to one signal as are asked at once, and no more: no leak.
  expect(warnings).toEqual([]);
}, 1_200_000);

import { sgIdText } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import { expect, it, onTestFinished } from 'vitest';
import { hinderedInGroups } from '../../rigs/simulation/schedules/liveness-groups.js';
import { Playground } from '../../rigs/simulation/schedules/playground.js';
import { never } from './household.js';

const SETTLED_MS = 10_000;

/** A group of phone and board behind the laptop, which is not in it. */
async function playground() {
  const devices = ['laptop', 'phone', 'board'];
  const pairings = [['laptop', 'phone'] as const, ['laptop', 'board'] as const];
  const ground = await Playground.open({ seed: 1, devices, pairings, actions: [] });
  onTestFinished(() => ground.close());
  const [laptop, phone, board] = devices.map((name) => ground.running.get(name));
  if (laptop === undefined || phone === undefined || board === undefined) throw new Error('nobody is there');
  const { clock } = ground;
  await clock.run(phone.device.networks.establish({ type: 'all' }, undefined, () => {}, never()));
  const { group } = await clock.run(phone.device.groups.create({ name: 'kitchen', members: [entityId('board')] }, never()));
  await clock.advance(SETTLED_MS);
  return { ground, laptop, phone, board, sgId: sgIdText(group.record.sgId) };
}

it('members of a service group hear one another, leave, and come back', async () => {
  const { ground, sgId } = await playground();
  expect(await hinderedInGroups(ground)).toEqual([]);
  expect(ground.server.database.reads.groups.members(sgId)).toHaveLength(2);
});

it('whoever hears nothing in its group is noticed, and whoever hears something without being in it', async () => {
  const { ground, laptop, board, sgId } = await playground();
  ground.running.set('board', { ...board, received: [] });
  const [heard] = [{ data: { payload: Buffer.from(`phone to ${sgId}`) } }];
  ground.running.set('laptop', { ...laptop, received: [heard as never] });
  expect(await hinderedInGroups(ground)).toEqual([
    `board does not hear phone in ${sgId}: it was sent`,
    `laptop is not in ${sgId} and hears what is said there`,
  ]);
});

it('a member that cannot leave is noticed', async () => {
  const { ground, board, sgId } = await playground();
  board.device.groups.leave = () => Promise.reject(new Error('no way out'));
  expect(await hinderedInGroups(ground)).toEqual([`board cannot leave ${sgId}: Error: no way out`]);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@cpns/shared/node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GroupCosts } from '../../../benchmarks/groups/group-cost.js';
import { MeasuredGroup } from '../../../benchmarks/groups/measured-group.js';

const clock = new SystemClock({ unref: true });
let directory: string;
let group: MeasuredGroup;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cpns-bench-'));
  group = await MeasuredGroup.make({ directory, members: 16, clock, signal: new AbortController().signal });
});

afterEach(async () => {
  await group.close();
  await rm(directory, { recursive: true });
});

it('is full, and full again after every change that is measured', async () => {
  const everybody = group.membersAt(Array.from({ length: 16 }, (_, leaf) => leaf));
  const member = group.membersAt([5]);
  expect(await group.change([], [5])).toMatchObject({ wraps: 8 });
  expect(() => group.membersAt([5])).toThrow(expect.objectContaining({ code: 'NoSuchLeaf' }));
  expect(await group.change(member, [])).toMatchObject({ wraps: 3 });
  expect(await group.resync(5)).toMatchObject({ wraps: 3 });
  expect(await group.unicast(5)).toMatchObject({ wraps: 15 });
  await group.takeBack(5);
  expect(await group.emptyCommit()).toEqual({ wraps: 0, parts: [] });
  expect(group.membersAt(everybody.map((_, leaf) => leaf))).toEqual(everybody);
  // The tree goes on where it was: what it holds still opens.
  expect(await group.change([], [0, 15])).toMatchObject({ wraps: 11 });
});

it('costs wraps, octets and time, as the change itself made them', async () => {
  const costs = new GroupCosts(clock);
  await costs.measure(() => group.unicast(0));
  const { wraps, octets, cpuMs, wallMs } = costs.cost;
  expect(wraps).toBe(15);
  expect(octets).toBeGreaterThan(15 * (48 + 8));
  expect(octets).toBeLessThan(15 * (48 + 24) + 200);
  expect(cpuMs).toBeGreaterThan(0);
  expect(wallMs).toBeGreaterThan(0);
});

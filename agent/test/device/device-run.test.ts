import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { type DeviceParts, DeviceRun } from '../../src/device-run.js';
import type { DeviceFacts } from '../../src/entity/role-keeper.js';

const facts = { cores: 4 } as DeviceFacts;

/** A run whose files change whenever `changes` says so. */
function running(changes: () => Promise<boolean>) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const device = {
    start: async () => {},
    stop: async () => {},
    contentsChanged: () => told.push('contents'),
    factsChanged: () => told.push('facts'),
  };
  const ends = { stop: async () => {} };
  const parts = {
    clock,
    logger: new MemoryLogger(),
    device,
    technologies: [],
    lan: undefined,
    uplink: ends,
    discovery: ends,
    root: {},
    contents: { refresh: changes },
    facts,
    readFacts: async () => facts,
  };
  return { clock, told, run: new DeviceRun(parts as unknown as DeviceParts) };
}

describe('a device that runs', () => {
  it('looks every minute whether what it offers has changed', async () => {
    let looks = 0;
    const { clock, told, run } = running(async () => ++looks % 2 === 0);
    await run.start();
    await clock.advance(59_000);
    expect(looks).toBe(0);
    await clock.advance(60_000);
    expect([looks, told]).toEqual([1, []]);
    await clock.advance(60_000);
    expect([looks, told]).toEqual([2, ['contents']]);
  });

  it('goes on looking after it could not', async () => {
    let looks = 0;
    const { clock, told, run } = running(async () => {
      if (++looks === 1) throw new Error('the disk is away');
      return true;
    });
    await run.start();
    await clock.advance(180_500);
    expect([looks, told]).toEqual([3, ['contents', 'contents']]);
  });
});

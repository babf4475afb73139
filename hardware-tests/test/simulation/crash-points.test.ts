import type { EntityId } from '@cpns/shared';
import { MemoryStore, type VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Flow } from '../../rigs/simulation/crash-points/flow.js';
import { flowNamed } from '../../rigs/simulation/crash-points/flows.js';
import { strangers } from '../../rigs/simulation/crash-points/pairing.js';
import { deedsIn, play } from '../../rigs/simulation/crash-points/play.js';
import { PHONE_ID, Scene } from '../../rigs/simulation/crash-points/scene.js';

/** What is wrong after a crash at any point of a side, and how many points there were. */
async function everyPoint(flow: Flow, side: string) {
  const deeds = await deedsIn(flow, side);
  const faults: string[] = [];
  let undone = 0;
  for (let n = 1; n <= deeds.length; n++) {
    const { deed, wrong, stands } = await play({ flow, side, n });
    if (!stands) undone++;
    if (wrong.length > 0) faults.push(`${n}. ${deed}: ${wrong.join('; ')}`);
  }
  return { points: deeds.length, undone, faults };
}

/** Says that a commit is durable before it is: a crash within the next moment takes it away. */
class HastyStore extends MemoryStore {
  readonly #clock: VirtualClock;
  readonly #commitsMs: number[] = [];
  #left: MemoryStore | undefined;

  constructor(clock: VirtualClock) {
    super();
    this.#clock = clock;
  }

  override async commit(changes: Parameters<MemoryStore['commit']>[0]): Promise<void> {
    await super.commit(changes);
    this.#commitsMs.push(this.#clock.monotonicMs());
  }

  override crash(): MemoryStore {
    this.#left ??= this.#remains();
    return this.#left;
  }

  #remains(): MemoryStore {
    super.crash();
    const next = new MemoryStore();
    const durable = this.commits.filter((_, i) => (this.#commitsMs[i] ?? Number.NaN) < this.#clock.monotonicMs() - 100);
    for (const changes of durable) void next.commit(changes);
    return next;
  }
}

describe('a crash at every point of', () => {
  it.each([
    ['establish-one-to-one', 'pn-gw'],
    ['establish-one-to-one', 'server'],
    ['establish-all', 'other-pne'],
    ['pair-again', 'called'],
    ['unpair-at-pne', 'leaver'],
    ['group-expel', 'server'],
    ['group-share', 'holder'],
    ['group-unshare', 'holder'],
    ['group-kept-messages', 'server'],
  ])(
    '%s, side %s, ends in agreement',
    async (name, side) => {
      const { points, undone, faults } = await everyPoint(flowNamed(name), side);
      expect(faults).toEqual([]);
      expect(points).toBeGreaterThan(5);
      // Late ones do not undo it.
      expect(undone).toBeLessThan(points);
    },
    120_000,
  );
});

describe('the crash points find', () => {
  it('a store that acknowledges before it is durable', async () => {
    const hasty = (id: EntityId, clock: VirtualClock) => (id === PHONE_ID ? new HastyStore(clock) : new MemoryStore());
    const flow: Flow = { ...flowNamed('pair-by-code'), prepare: () => strangers(new Scene(hasty)) };
    const { faults } = await everyPoint(flow, 'called');
    expect(faults.join()).toContain('what was shown as done is gone');
  }, 60_000);
});

import { type EntityId, entityId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sighting } from '../../../src/entity/pan-technology.js';
import { BleNeighbours } from '../../../src/pan/ble/ble-neighbours.js';
import { addressOf } from './ble-lab.js';

const ad = { mode: Mode.Pne, pairingOpen: false, hint: new Uint8Array(6) } as const;
const [one, other] = [entityId('dev-1'), entityId('dev-2')];

let clock: VirtualClock;
let neighbours: BleNeighbours;
let near: Map<EntityId, Sighting>;
beforeEach(() => {
  clock = new VirtualClock();
  near = new Map();
  neighbours = new BleNeighbours(clock, 2, { sighted: (sighting) => near.set(sighting.id, sighting), lost: (id) => near.delete(id) });
});

describe('BleNeighbours', () => {
  it('knows a bounded number of devices and throws none out for a new one', () => {
    for (const name of ['dev-1', 'dev-2', 'dev-3']) neighbours.heard(addressOf(near.size + 1), entityId(name), ad, 'hint');
    expect([...near.keys()]).toEqual([one, other]);
  });

  it('keeps four addresses of a device, and for a new one gives up that which was silent for longest, never a linked one', async () => {
    for (let n = 1; n <= 5; n++) {
      neighbours.heard(addressOf(n), one, ad, 'hint');
      if (n === 1) neighbours.linked(addressOf(1));
      await clock.advance(1_000);
    }
    neighbours.tick();
    expect([...(near.get(one)?.addresses ?? [])].sort()).toEqual([1, 3, 4, 5].map(addressOf));
  });

  it('takes one that is heard under foreign hints for the same device for two minutes, not for ever', async () => {
    neighbours.heard(addressOf(1), one, ad, 'hint');
    for (let second = 0; second < 115; second++) {
      await clock.advance(1_000);
      neighbours.heardAgain(addressOf(1), ad);
      neighbours.tick();
    }
    expect(near.has(one)).toBe(true);
    for (let second = 0; second < 45; second++) {
      await clock.advance(1_000);
      neighbours.heardAgain(addressOf(1), ad);
      neighbours.tick();
    }
    expect(near.has(one)).toBe(false);
  });

  it('tries an address where nobody answered after the others, for a minute', async () => {
    neighbours.heard(addressOf(1), one, ad, 'hint');
    await clock.advance(10);
    neighbours.heard(addressOf(2), one, ad, 'hint');
    expect(neighbours.bestAddresses([addressOf(1)])).toEqual([addressOf(2), addressOf(1)]);
    neighbours.failed(addressOf(2));
    expect(neighbours.bestAddresses([addressOf(1)])).toEqual([addressOf(1), addressOf(2)]);
    await clock.advance(60_000);
    expect(neighbours.bestAddresses([addressOf(1)])).toEqual([addressOf(2), addressOf(1)]);
  });

  it('forgives an address where a link was proven since', () => {
    neighbours.heard(addressOf(1), one, ad, 'hint');
    neighbours.heard(addressOf(2), one, ad, 'hint');
    neighbours.failed(addressOf(1));
    neighbours.unlinked(addressOf(1), true);
    expect(neighbours.bestAddresses([addressOf(2)])[0]).toBe(addressOf(1));
  });

  it('believes the last word about who is at an address', () => {
    neighbours.heard(addressOf(1), one, ad, 'hint');
    neighbours.heard(addressOf(1), other, ad, 'word');
    expect([...near.keys()]).toEqual([other]);
  });

  it('knows nothing of addresses that it never heard', () => {
    expect(neighbours.bestAddresses([addressOf(9)])).toEqual([addressOf(9)]);
    for (const strange of ['failed', 'linked'] as const) neighbours[strange](addressOf(9));
    neighbours.unlinked(addressOf(9), false);
    neighbours.heardAgain(addressOf(9), ad);
    neighbours.tick();
    expect(near.size).toBe(0);
  });
});

import { type EntityId, entityId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { Sighting } from '../../../src/entity/pan-technology.js';
import { Sightings } from '../../../src/pan/lan/sightings.js';

const id = entityId('phone');
const seen = (address: string, pairing = false): Sighting => ({ id, technology: 'lan', addresses: [address], mode: 0, pairing });

describe('what several ways of looking say about one device', () => {
  const watch = () => {
    const told: Sighting[] = [];
    const lost: EntityId[] = [];
    return { told, lost, sightings: new Sightings({ sighted: (s) => told.push(s), lost: (other) => lost.push(other) }) };
  };

  it('is joined: the latest word, and all addresses', () => {
    const { told, sightings } = watch();
    sightings.add('mdns', seen('1.1.1.1:1'));
    sightings.add('by-hand', seen('2.2.2.2:2', true));
    expect(told.at(-1)).toEqual({ ...seen('2.2.2.2:2', true), addresses: ['2.2.2.2:2', '1.1.1.1:1'] });
    sightings.add('mdns', seen('3.3.3.3:3'));
    expect(told.at(-1)).toEqual({ ...seen('3.3.3.3:3'), addresses: ['3.3.3.3:3', '2.2.2.2:2'] });
  });

  it('ends when nobody knows the device any more', () => {
    const { told, lost, sightings } = watch();
    sightings.add('mdns', seen('1.1.1.1:1'));
    sightings.add('by-hand', seen('2.2.2.2:2'));
    sightings.remove('mdns', id);
    sightings.remove('mdns', id);
    expect(told.at(-1)?.addresses).toEqual(['2.2.2.2:2']);
    expect(lost).toEqual([]);
    sightings.remove('by-hand', id);
    expect(lost).toEqual([id]);
  });
});

import { CpnsError, type EntityId } from '@cpns/shared';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { IdReader } from '../../../src/pan/ble/id-reader.js';
import type { RadioNeighbour } from '../../../src/pan/ble/radio-port.js';

const stranger = (number: number): RadioNeighbour => ({
  address: `c0:00:00:00:00:0${number}`,
  rssi: -50,
  advertisement: { mode: 0, pairingOpen: true, hint: new Uint8Array(6).fill(number) },
});
const silent = new CpnsError('Transport', 'PeerUnreachable', 'Nobody answers.');
const serving = new CpnsError('State', 'RadioServes', 'This device is connected to another one.');

describe('asking strangers who they are', () => {
  let clock: VirtualClock;
  let asked: string[];
  let found: EntityId[];
  let answer: (address: string) => Promise<string>;
  let reader: IdReader;

  beforeEach(() => {
    clock = new VirtualClock();
    asked = [];
    found = [];
    reader = new IdReader({
      clock,
      entropy: new InsecureSeededEntropy(1),
      logger: new MemoryLogger(),
      read: (address) => {
        asked.push(address);
        return answer(address);
      },
      found: (id) => void found.push(id),
    });
  });

  it('ends with the first answer', async () => {
    answer = async () => 'board';
    reader.heard(stranger(1));
    await clock.advance(60_000);
    reader.heard(stranger(1));
    await clock.advance(60_000);
    expect([found, asked.length]).toEqual([['board'], 1]);
  });

  it('is given up after four times without an answer', async () => {
    answer = () => Promise.reject(silent);
    reader.heard(stranger(1));
    await clock.advance(120_000);
    expect([found, asked.length]).toEqual([[], 4]);
  });

  it('goes on when the own radio was not free, however often', async () => {
    answer = () => Promise.reject(serving);
    reader.heard(stranger(1));
    await clock.advance(20_000);
    expect(asked.length).toBeGreaterThan(8);
    answer = async () => 'board';
    await clock.advance(2_000);
    expect(found).toEqual(['board']);
  });
});

import { entityId } from '@cpns/shared';
import { nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { BleTechnology } from '../../../src/pan/ble/ble-technology.js';
import { describePanTechnology, type PanSeat } from '../../compliance/pan-technology-compliance.js';
import { addressOf } from './ble-lab.js';
import { FakeAir } from './fake-radio.js';

const KEYS = { phone: new Uint8Array(16).fill(1), laptop: new Uint8Array(16).fill(2) } as const;

describePanTechnology('BleTechnology over radios in memory', () => {
  const clock = new VirtualClock();
  const air = new FakeAir(clock);
  const seat = (name: keyof typeof KEYS, peer: keyof typeof KEYS, address: string): PanSeat => {
    const id = entityId(name);
    const keys = { own: () => [KEYS[name]], peers: () => new Map([[entityId(peer), [KEYS[peer]]]]) };
    const entropy = new InsecureSeededEntropy(name);
    const radio = air.radio(address);
    return { id, technology: new BleTechnology({ id, clock, entropy, provider: nobleProvider, logger: new MemoryLogger(), radio, keys }) };
  };
  return {
    one: seat('phone', 'laptop', addressOf(1)),
    other: seat('laptop', 'phone', addressOf(2)),
    nowhere: addressOf(9),
    drive: (wait) => clock.run(wait),
    dispose: async () => {},
  };
});

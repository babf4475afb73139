import { BleTechnology } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import { nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, SeededChoices, VirtualClock } from '@cpns/shared/testing';
import { describePanTechnology, type PanSeat } from '../../../../agent/test/compliance/pan-technology-compliance.js';
import { SimulatedAir } from '../../../rigs/simulation/air.js';
import { Cable } from '../../../rigs/simulation/cable.js';
import { Multicast } from '../../../rigs/simulation/multicast.js';
import { SimulatedLan } from '../../../rigs/simulation/simulated-lan.js';
import { SimulatedRadio } from '../../../rigs/simulation/simulated-radio.js';

const NAMES = ['phone', 'laptop'] as const;
type Name = (typeof NAMES)[number];

/** A harness on a virtual clock, with what `seat` makes for each of the two. */
function harness(clock: VirtualClock, nowhere: string, seat: (name: Name, peer: Name) => PanSeat['technology']) {
  const [one, other] = [
    { id: entityId('phone'), technology: seat('phone', 'laptop') },
    { id: entityId('laptop'), technology: seat('laptop', 'phone') },
  ];
  return { one, other, nowhere, drive: <T>(wait: Promise<T>) => clock.run(wait), dispose: async () => {} };
}

describePanTechnology('SimulatedAir', () => {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  return harness(clock, 'nobody', (name) => air.technology(entityId(name)));
});

describePanTechnology('SimulatedLan', () => {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const multicast = new Multicast(clock);
  return harness(clock, '10.77.0.9:7400', (name) => {
    const address = `10.77.0.${1 + NAMES.indexOf(name)}`;
    const host = { address, room: '', cable: new Cable() };
    const entropy = new InsecureSeededEntropy(name);
    const network = multicast.network(host);
    const logger = new MemoryLogger();
    return new SimulatedLan({ id: entityId(name), address: `${address}:7400`, host, network, air, clock, entropy, logger, peers: [] });
  });
});

describePanTechnology('BleTechnology over simulated radios', () => {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock, { technology: 'ble' });
  const choices = new SeededChoices(1);
  const radios: SimulatedRadio[] = [];
  const addressOf = (name: Name) => `02:00:00:00:00:0${1 + NAMES.indexOf(name)}`;
  const keyOf = (name: Name) => new Uint8Array(16).fill(1 + NAMES.indexOf(name));
  return harness(clock, '02:00:00:00:00:09', (name, peer) => {
    const [id, address] = [entityId(name), addressOf(name)];
    const station = air.technology(id, undefined, { address });
    const others = () => radios.filter((other) => other !== radio);
    const radio = new SimulatedRadio({ id, address, clock, choices, station, range: undefined, others, hears: () => true });
    radios.push(radio);
    const keys = { own: () => [keyOf(name)], peers: () => new Map([[entityId(peer), [keyOf(peer)]]]) };
    const entropy = new InsecureSeededEntropy(name);
    return new BleTechnology({ id, clock, entropy, provider: nobleProvider, logger: new MemoryLogger(), radio, keys });
  });
});

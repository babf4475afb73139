/** The air as a process; see air-process.ts. Argument: the directory for its hosts. Orders come as JSON lines; it ends with their end. */
import { createInterface } from 'node:readline';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { Air } from '../controller/air.js';
import { Attack } from '../controller/attack.js';
import { isAddress } from '../controller/octets.js';
import type { RecordedPacket } from '../controller/recorder.js';
import { Hosts } from './hosts.js';
import type { AirAnswer, AirLine, AirOrder, AirOrders, ShownPacket } from './orders.js';

const [directory = ''] = process.argv.slice(2);
const air = new Air(new SystemClock());
const hosts = new Hosts(air, directory);
const { faults, recorder } = air;

type Follow = {
  readonly [K in AirOrder]: (order: Parameters<AirOrders[K]>[0]) => ReturnType<AirOrders[K]> | Promise<ReturnType<AirOrders[K]>>;
};

const FOLLOW: Follow = {
  addHost: ({ host }) => ({ directory: hosts.add(host) }),
  plug: async ({ host, ...options }) => {
    if (!isAddress(options.address)) throw new Error(`${options.address} is no address.`);
    return { index: await hosts.plug(host, options) };
  },
  unplug: async ({ address }) => nothing(await hosts.unplug(address)),
  power: ({ address, isOn }) => nothing(hosts.power(address, isOn)),
  reset: ({ address }) => nothing(hosts.reset(address)),
  part: (between) => nothing(air.part(between)),
  meet: (between) => nothing(air.meet(between)),
  setRssi: ({ rssi, ...between }) => nothing(air.setRssi(between, rssi)),
  cut: (between) => nothing(air.cut(between)),
  cutAt: ({ packet, ...between }) => nothing(faults.cutAt(between, packet)),
  delay: ({ ms, ...between }) => nothing(faults.delay(between, ms)),
  drop: ({ count, ...way }) => nothing(faults.drop(way, count)),
  refuse: ({ count, status, ...way }) => nothing(faults.refuse(way, count, status)),
  capMtu: ({ mtu }) => nothing(faults.capMtu(mtu)),
  clearFaults: () => nothing(faults.clear()),
  advertisement: ({ address }) => ({ data: air.advertisement(address).toString('hex') }),
  attack: ({ victim }) => {
    air.attack = new Attack(air.clock, systemEntropy, victim, () => air.cut({ a: victim }));
    return null;
  },
  attackSeen: () => attack().seen,
  attackAlter: ({ direction, count }) => {
    attack().tampering.alter[direction] = count;
    return null;
  },
  attackReplay: ({ direction }) => attack().replay(direction),
  attackImpersonate: () => attack().impersonate(),
  attackCut: () => nothing(attack().cut()),
  links: () => air.links.map(({ number, ends: [central, peripheral] }) => ({ number, central, peripheral })),
  counters: () => recorder.counters,
  packets: ({ last }) => recorder.packets.slice(-last).map(shown),
  search: ({ needles }) => ({
    isComplete: recorder.isComplete,
    packets: recorder.packets.length,
    found: recorder
      .search(needles.map((needle) => Buffer.from(needle, 'hex')))
      .map(({ needle, packet }) => ({ needle, packet: shown(packet) })),
  }),
};

function attack(): Attack {
  if (air.attack === undefined) throw new Error('Nobody is attacked.');
  return air.attack;
}

function nothing(_done: unknown): null {
  return null;
}

function shown({ octets, ...packet }: RecordedPacket): ShownPacket {
  return { ...packet, octets: octets.toString('hex') };
}

const answer = (value: AirAnswer) => process.stdout.write(`${JSON.stringify(value)}\n`);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, do: order, with: details } = JSON.parse(line) as AirLine;
  const follow = FOLLOW[order] as (details: object) => unknown;
  Promise.resolve()
    .then(() => follow(details))
    .then(
      (result) => answer({ id, result }),
      (error: unknown) => answer({ id, failed: (error as Error).message }),
    );
});
lines.on('close', () => process.exit(0));
answer({ id: 0, result: 'ready' });

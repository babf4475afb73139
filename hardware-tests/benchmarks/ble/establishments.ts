import { type Clock, CpnsError, sleep } from '@cpns/shared';
import type { AgentProcess } from '../../processes/agent-process.js';
import type { Household } from '../household.js';
import { median } from '../statistics.js';
import { establishOnce, freshId, pairAtOnce, readyToEstablish } from '../steps.js';
import type { BenchAir } from './bench-air.js';
import { establishmentOnAir, type OnAir } from './on-air.js';

/** A PN GW and a PNE that have only Bluetooth, paired, linked and connected to the server. */
export interface BluetoothPair {
  readonly gateway: AgentProcess;
  readonly pne: AgentProcess;
  /** Of the PNE's adapter. */
  readonly pneAddress: string;
}

export interface Established {
  /** Establish times that the PNE reported. */
  readonly timesMs: readonly number[];
  /** Medians over the rounds in which nothing came in between. */
  readonly onAir: OnAir;
}

/** Nothing went over the air for so long: the establishment has ended there. */
const QUIET_MS = 200;
const SETTLE_LIMIT_MS = 30_000;

/** @throws CpnsError */
export async function bluetoothPair(household: Household, bench: BenchAir, signal: AbortSignal): Promise<BluetoothPair> {
  const [atGateway, atPne] = [await bench.host(), await bench.host()];
  const gateway = await household.agent(freshId('gw'), 'gateway', { radio: atGateway });
  const pne = await household.agent(freshId('pne'), 'pne', { radio: atPne });
  await pairAtOnce(pne, gateway);
  await readyToEstablish(pne, gateway, household.clock, signal);
  await turnedRound(bench, atGateway.address, atPne.address, signal);
  return { gateway, pne, pneAddress: atPne.address };
}

/** Waits until the PN GW is the central of the link, which it is made anew for when it was not. */
async function turnedRound({ air, clock }: BenchAir, central: string, peripheral: string, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + SETTLE_LIMIT_MS;
  const isSo = async () => (await air.ask('links', {})).some((link) => link.central === central && link.peripheral === peripheral);
  while (!(await isSo())) {
    if (clock.monotonicMs() > untilMs) throw new CpnsError('Timeout', 'NotTurned', 'The PN GW did not become the central of its link.');
    await sleep(clock, QUIET_MS, signal);
  }
  await quiet(air, clock, signal);
}

/** Establishes PNs, one after another. @throws CpnsError */
export async function establishments(
  { pne, pneAddress }: BluetoothPair,
  { air, clock }: BenchAir,
  warmUps: number,
  rounds: number,
  signal: AbortSignal,
): Promise<Established> {
  const timesMs: number[] = [];
  const costs: OnAir[] = [];
  for (let i = 0; i < warmUps + rounds; i++) {
    const before = (await air.ask('counters', {})).attPackets;
    const ms = await establishOnce(pne, signal);
    const after = await quiet(air, clock, signal);
    if (i < warmUps) continue;
    timesMs.push(ms);
    const packets = await air.ask('packets', { last: after - before });
    const own = packets.map(({ from, octets }) => ({ from, octets: Buffer.from(octets, 'hex') }));
    const cost = establishmentOnAir(own, pneAddress);
    if (cost !== undefined) costs.push(cost);
  }
  if (costs.length === 0) throw new CpnsError('State', 'NotTold', 'Something came in between in every establishment; run it again.');
  const middle = (of: (cost: OnAir) => number) => Math.round(median(costs.map(of)));
  const onAir = {
    attOperations: middle(({ attOperations }) => attOperations),
    bytesOnAir: middle(({ bytesOnAir }) => bytesOnAir),
    credits: middle(({ credits }) => credits),
  };
  return { timesMs, onAir };
}

/** Waits until nothing goes over the air. Gives the number of packets so far. */
async function quiet(air: BenchAir['air'], clock: Clock, signal: AbortSignal): Promise<number> {
  for (let before = -1; ; ) {
    const { attPackets } = await air.ask('counters', {});
    if (attPackets === before) return attPackets;
    before = attPackets;
    await sleep(clock, QUIET_MS, signal);
  }
}

import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError, sleep } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import type { NamedSecret } from '../../processes/key-log.js';
import { CheckFailed } from '../../scenarios/scenario.js';
import type { AirHandle, Attacker, DeviceHandle, Hostile, LogOf } from '../rig.js';
import type { DeviceRadio, StageRadios } from '../stage-radios.js';
import { HOST_VARIABLE } from './adapter-list.js';
import { type HostProcess, processesOn } from './host-processes.js';
import { HostileNeighbour } from './hostile/hostile-neighbour.js';
import { forbidAdapters, hangConnect } from './kernel-whims.js';
import { AirProcess } from './process/air-process.js';
import { RadioAttacker } from './radio-attacker.js';

export const INJECT = fileURLToPath(new URL('./transport/inject.js', import.meta.url));

export interface AirRadiosOptions {
  /** Short, since paths of sockets are. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
  /** The compiled program of the air. */
  readonly main?: string;
}

interface Host {
  readonly directory: string;
  readonly address: string;
}

const RADIO_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 20;
/** Shorter words turn up in octets by chance. */
const TELLTALE_OCTETS = 6;

/** Virtual controllers for the devices of a stage, in one air. */
export class AirRadios implements StageRadios {
  readonly air: AirHandle;
  readonly #options: AirRadiosOptions;
  readonly #process: AirProcess;
  readonly #hosts = new Map<string, Host>();
  readonly #hostile: HostileNeighbour[] = [];
  #numbers = 0;

  private constructor(options: AirRadiosOptions, process: AirProcess) {
    this.#options = options;
    this.#process = process;
    this.air = {
      counters: () => process.ask('counters', {}),
      cutAt: async (device, packet) => void (await process.ask('cutAt', { a: this.#host(device).address, packet })),
      capMtu: async (mtu) => void (await process.ask('capMtu', { mtu })),
      freezeRadio: (device) => this.#signal(device, 'SIGSTOP'),
      thawRadio: (device) => this.#signal(device, 'SIGCONT'),
      killRadio: (device) => this.#signal(device, 'SIGKILL'),
      hangConnect: async (device, ms) => hangConnect(this.#host(device).directory, ms),
      forbidAdapter: async (device, isForbidden) => forbidAdapters(this.#host(device).directory, isForbidden),
      memoryOf: async (device) => (await this.#processes(device)).reduce((sum, { residentOctets }) => sum + residentOctets, 0),
      hostile: () => this.#bringHostile(),
    };
  }

  static async start(options: AirRadiosOptions): Promise<AirRadios> {
    return new AirRadios(options, await AirProcess.start(options));
  }

  attacker(): Attacker {
    const air = this.#process;
    return new RadioAttacker({
      seen: () => air.ask('attackSeen', {}),
      alter: async (direction, count) => void (await air.ask('attackAlter', { direction, count })),
      replay: (direction) => air.ask('attackReplay', { direction }),
      impersonate: () => air.ask('attackImpersonate', {}),
      cut: async () => void (await air.ask('attackCut', {})),
    });
  }

  async add(device: string, behind?: Attacker): Promise<DeviceRadio> {
    const host = await this.#plug(device);
    const { address } = host;
    if (behind !== undefined) await this.#process.ask('attack', { victim: address });
    const ask = this.#process.ask.bind(this.#process);
    return {
      address,
      prefix: environment(host.directory),
      unplug: async () => void (await ask('unplug', { address })),
      plug: async () => void (await ask('plug', { host: device, address })),
      power: async (isOn) => void (await ask('power', { address, isOn })),
      jam: async () => void (await ask('part', { a: address })),
      unjam: async () => void (await ask('meet', { a: address })),
    };
  }

  async verify(secrets: readonly NamedSecret[]): Promise<void> {
    const telling = secrets.filter(({ octets }) => octets.length >= TELLTALE_OCTETS);
    const needles = telling.map(({ octets }) => Buffer.from(octets).toString('hex'));
    const { isComplete, packets, found } = await this.#process.ask('search', { needles });
    if (!isComplete) throw new CheckFailed(`the air was not recorded wholly (${packets} packets were)`);
    const [first] = found;
    if (first === undefined) return;
    const { packet, needle } = first;
    const others = found.length > 1 ? `, and so did ${found.length - 1} more` : '';
    throw new CheckFailed(
      `${telling[needle]?.what} went through the air in the clear (from ${packet.from} to ${packet.to}: ${packet.octets})${others}`,
    );
  }

  logs(): readonly LogOf[] {
    return [{ name: 'air', lines: this.#process.log.last() }, ...this.#hostile.map(({ log }) => ({ name: 'hostile', lines: log.last() }))];
  }

  async close(): Promise<void> {
    await Promise.all(this.#hostile.map((hostile) => hostile.stop()));
    await this.#process.stop();
  }

  #host({ id }: Pick<DeviceHandle, 'id'>): Host {
    const host = this.#hosts.get(id);
    if (host === undefined) throw new CpnsError('Internal', 'NoRadio', `${id} has no Bluetooth on this stage.`);
    return host;
  }

  async #plug(name: string): Promise<Host> {
    const address = `c0:00:00:00:00:${(++this.#numbers).toString(16).padStart(2, '0')}`;
    const { directory } = await this.#process.ask('addHost', { host: name });
    await this.#process.ask('plug', { host: name, address });
    const host = { directory, address };
    this.#hosts.set(name, host);
    return host;
  }

  #processes(device: DeviceHandle): Promise<HostProcess[]> {
    return processesOn(this.#host(device).directory);
  }

  /** The radio's process may be starting just now. */
  async #signal(device: DeviceHandle, signal: NodeJS.Signals): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + RADIO_WITHIN_MS;
    for (;;) {
      const radio = (await this.#processes(device)).find(({ isRadio }) => isRadio);
      if (radio !== undefined) {
        process.kill(radio.pid, signal);
        return;
      }
      if (signal === 'SIGCONT') return;
      if (clock.monotonicMs() > untilMs) throw new CpnsError('State', 'NoRadio', `${device.id} has no radio process.`);
      await sleep(clock, LOOK_EVERY_MS);
    }
  }

  async #bringHostile(): Promise<Hostile> {
    const { clock, keeper } = this.#options;
    const { directory } = await this.#plug(`mallory${this.#hostile.length + 1}`);
    const hostile = await HostileNeighbour.start({
      clock,
      keeper,
      nodeArguments: ['--import', INJECT],
      env: { [HOST_VARIABLE]: directory },
      addressOf: (device) => this.#host(device).address,
      advertisementOf: async (device) => (await this.#process.ask('advertisement', { address: this.#host(device).address })).data,
    });
    this.#hostile.push(hostile);
    return hostile;
  }
}

/** Words that let a command run on the host of the air that has this directory. */
export function environment(directory: string): string[] {
  return ['env', `${HOST_VARIABLE}=${directory}`, `NODE_OPTIONS=--import ${INJECT}`];
}

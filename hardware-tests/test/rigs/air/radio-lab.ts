import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RadioDesire, type RadioNeighbour, RadioSupervisor } from '@cpns/agent';
import type { Link } from '@cpns/shared';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { Keeper } from '../../../processes/keeper.js';
import { HOST_VARIABLE } from '../../../rigs/air/adapter-list.js';
import { forbidAdapters, hangConnect } from '../../../rigs/air/kernel-whims.js';
import { AirProcess } from '../../../rigs/air/process/air-process.js';
import { RawHost } from './raw-host.js';
import { ADDRESS } from './room.js';

/** Made by the build in front of every `npm test`. */
const BUILT = (file: string) => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));
const RADIO = fileURLToPath(new URL('../../../../agent/dist/pan/ble/radio/radio-main.js', import.meta.url));

export const NEVER = new AbortController().signal;

/** A link of a station, with all that came on it. */
export class OpenedLink {
  readonly frames: Uint8Array[] = [];
  closed: string | undefined;
  readonly #waiting = new Waiting();

  constructor(
    readonly link: Link,
    readonly changed = () => {},
  ) {
    link.open({
      frame: (octets) => {
        this.frames.push(octets);
        this.#changed();
      },
      closed: (reason) => {
        this.closed = reason;
        this.#changed();
      },
    });
  }

  async frame(at: number): Promise<Uint8Array> {
    await this.#waiting.until(`frame ${at}`, () => this.frames.length > at);
    return this.frames[at] as Uint8Array;
  }

  #changed(): void {
    this.#waiting.look();
    this.changed();
  }

  async end(): Promise<string> {
    await this.#waiting.until('the end of a link', () => this.closed !== undefined);
    return this.closed as string;
  }
}

/** Wakes those who wait for something that has come about. */
class Waiting {
  readonly #looks = new Set<() => void>();

  look(): void {
    for (const look of [...this.#looks]) look();
  }

  async until(what: string, isTrue: () => boolean, ms = 20_000): Promise<void> {
    if (isTrue()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain for ${what}.`)), ms);
      const look = () => {
        if (!isTrue()) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
    });
  }
}

/** A radio as an agent has it, and what it reported. */
export class Station {
  readonly accepted: OpenedLink[] = [];
  readonly ended: Link[] = [];
  readonly #connected: OpenedLink[] = [];
  readonly problems: (string | undefined)[] = [];
  readonly #near = new Map<string, RadioNeighbour>();
  readonly #waiting = new Waiting();

  constructor(
    readonly radio: RadioSupervisor,
    readonly host: string,
    readonly address: string,
    /** Whom it serves is a stranger no more. */
    readonly trusts: boolean,
  ) {
    radio.start({
      advertised: (neighbour) => this.#note(() => this.#near.set(neighbour.address, neighbour)),
      accepted: (link) => {
        if (trusts) radio.proven(link);
        this.#note(() => this.accepted.push(new OpenedLink(link, () => this.#waiting.look())));
      },
      ended: (link) => this.#note(() => this.ended.push(link)),
      problem: (sentence) => this.#note(() => this.problems.push(sentence)),
    });
  }

  /** The process of the radio. */
  get pid(): number {
    if (this.radio.processId === undefined) throw new Error('There is no radio process now.');
    return this.radio.processId;
  }

  isInTrouble(): Promise<void> {
    return this.until('the radio to report a problem', () => this.problems.at(-1) !== undefined);
  }

  /** Whatever was wrong is over. */
  works(): Promise<void> {
    return this.until('the radio to work', () => this.problems.at(-1) === undefined, 30_000);
  }

  /** Wants both at first; the hint is made of `number`. */
  want(number: number, desire: Partial<RadioDesire> = {}): void {
    const advertisement = { mode: 0, pairingOpen: false, hint: new Uint8Array(6).fill(number) } as const;
    this.radio.want({ advertisement, readableId: '', scan: true, role: 'either', ...desire });
  }

  hears(other: Station): Promise<RadioNeighbour> {
    return this.hearsAddress(other.address);
  }

  async hearsAddress(address: string): Promise<RadioNeighbour> {
    await this.until(`${address} to be heard`, () => this.#near.has(address));
    return this.#near.get(address) as RadioNeighbour;
  }

  /** Closes every link, and forgets them. */
  hangUp(): void {
    for (const { link } of [...this.accepted, ...this.#connected]) link.close('enough');
    this.#connected.length = 0;
    this.ended.length = 0;
  }

  /** Forgets whom it heard. */
  forget(): void {
    this.#near.clear();
  }

  async connect(other: Station): Promise<OpenedLink> {
    const link = new OpenedLink(await this.radio.connect(other.address, NEVER));
    this.#connected.push(link);
    return link;
  }

  /** The `at`th link that was accepted. */
  async accepts(at = 0): Promise<OpenedLink> {
    await this.until(`link ${at}`, () => this.accepted.length > at);
    return this.accepted[at] as OpenedLink;
  }

  until(what: string, isTrue: () => boolean, ms?: number): Promise<void> {
    return this.#waiting.until(what, isTrue, ms);
  }

  #note(fact: () => void): void {
    fact();
    this.#waiting.look();
  }
}

interface StationOptions {
  readonly trusts?: boolean;
  readonly stillMs?: number;
  readonly second?: number;
  readonly preload?: string;
}

/** An air with radios, each the real process with the real libraries on a host of its own. */
export class RadioLab {
  readonly #radios: RadioSupervisor[] = [];
  readonly #directories = new Map<string, string>();
  readonly #clock = new SystemClock();

  private constructor(
    readonly keeper: Keeper,
    readonly air: AirProcess,
  ) {}

  static async open(): Promise<RadioLab> {
    const keeper = new Keeper(BUILT('processes/keeper-main.js'));
    const directory = await mkdtemp(join(tmpdir(), 'cpns-air-'));
    keeper.keep({ kind: 'directory', path: directory });
    const clock = new SystemClock();
    return new RadioLab(keeper, await AirProcess.start({ directory, clock, keeper, main: BUILT('rigs/air/process/air-main.js') }));
  }

  /** Environment of processes on a new host that has the adapter of that number. */
  async host(number: number): Promise<Record<string, string>> {
    const host = hostOf(number);
    const { directory } = await this.air.ask('addHost', { host });
    await this.air.ask('plug', { host, address: ADDRESS(number) });
    this.#directories.set(host, directory);
    return { [HOST_VARIABLE]: directory, NODE_OPTIONS: `--import ${BUILT('rigs/air/transport/inject.js')}` };
  }

  /** A new host that has the adapter of that number, and no library. */
  async rawHost(number: number): Promise<RawHost> {
    const { [HOST_VARIABLE]: directory = '' } = await this.host(number);
    return RawHost.open(directory);
  }

  /** A radio as an agent has it, with the adapter of that number; see {@link RadioLab.station}. Not started. */
  async radio(number: number, { stillMs = 5_000, second = 0, preload = '' } = {}): Promise<RadioSupervisor> {
    const environment = await this.host(number);
    if (preload !== '') environment.NODE_OPTIONS += ` --import ${preload}`;
    if (second > 0) await this.air.ask('plug', { host: hostOf(number), address: ADDRESS(second) });
    const logger = new MemoryLogger();
    const secondAdapter = second > 0 ? ADDRESS(second) : '';
    const options = { clock: this.#clock, entropy: systemEntropy, logger, adapter: ADDRESS(number), secondAdapter };
    const radio = new RadioSupervisor({ ...options, program: RADIO, environment, stillMs });
    this.#radios.push(radio);
    return radio;
  }

  /**
   * With the number of a second adapter, which others connect to: a device with one for each role. `preload`: a module that its radio
   * process loads first.
   */
  async station(number: number, { trusts = true, ...options }: StationOptions = {}): Promise<Station> {
    return new Station(await this.radio(number, options), hostOf(number), ADDRESS(number), trusts);
  }

  /** Ends the process until the station has noticed. */
  async kill(station: Station): Promise<void> {
    process.kill(station.pid, 'SIGKILL');
    await station.isInTrouble();
  }

  /** Takes the adapter out until the station has noticed. */
  async replug(station: Station): Promise<void> {
    await this.air.ask('unplug', { address: station.address });
    await station.isInTrouble();
    await this.air.ask('plug', { host: station.host, address: station.address });
  }

  /** Switches the adapter off until the station has noticed. */
  async switchOffAndOn(station: Station): Promise<void> {
    await this.air.ask('power', { address: station.address, isOn: false });
    await station.isInTrouble();
    await this.air.ask('power', { address: station.address, isOn: true });
  }

  /** The next attempt to connect blocks the whole process of the radio for so long. */
  hangConnect(station: Station, ms: number): void {
    hangConnect(this.#directoryOf(station), ms);
  }

  /** The kernel lets the processes of the station send nothing to its adapters. */
  forbid(station: Station, isForbidden: boolean): void {
    forbidAdapters(this.#directoryOf(station), isForbidden);
  }

  #directoryOf({ host }: Station): string {
    return this.#directories.get(host) as string;
  }

  async close(): Promise<void> {
    await Promise.all(this.#radios.map((radio) => radio.stop()));
    await this.keeper.close();
  }
}

function hostOf(number: number): string {
  return `host${number}`;
}

import { type Clock, decodeEnrolment, describeError, parseHostPort, sleep } from '@cpns/shared';
import { createLogger, nativeProvider } from '@cpns/shared/node';
import { SeededChoices } from '@cpns/shared/testing';
import type { Household } from '../benchmarks/household.js';
import { freshId } from '../benchmarks/steps.js';
import type { ProcessFigures } from '../processes/probe.js';
import { LAPTOP, PHONE } from '../rigs/simulation/device.js';
import { Cable } from './cable.js';
import { type Deed, Home } from './home.js';
import { Ledger } from './ledger.js';
import { Room } from './room.js';
import { SoakDevice } from './soak-device.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly gateways: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  say(sentence: string): void;
}

/** The server and the messages at one moment. */
export interface Sample {
  /** Monotonic. */
  readonly atMs: number;
  readonly figures: ProcessFigures;
  /** Connections of gateways that are open. */
  readonly connections: number;
}

export interface SoakResult {
  /** While the homes lived, every ten seconds. */
  readonly samples: readonly Sample[];
  /** Everybody connected and nothing under way: before the first deed, and after the last one. */
  readonly before: Sample;
  readonly after: Sample;
  readonly deeds: Readonly<Partial<Record<Deed, number>>>;
  readonly failedDeeds: number;
  readonly ledger: Ledger;
}

const SAMPLE_EVERY_MS = 10_000;
/** Homes that begin at the same time. */
const BEGIN_AT_ONCE = 10;
/** Between two deeds of one home. */
const PAUSE_MS = { least: 2_000, spread: 8_000 } as const;
/** What is missing after the last deed is lost when nothing more arrives for so long; devices wait up to half a minute between two tries. */
const DRAIN_LIMIT_MS = 120_000;
const SETTLE_MS = 5_000;
/** Timers of sessions that were replaced and of acknowledgements that never came run so long; then nothing of them is left. */
const QUIET_LIMIT_MS = 200_000;
/** Once everything is quiet again, so much more may be open at the server than before the first deed. */
export const MOST_LEFT = { handles: 20, files: 5 } as const;

/** Lets homes live with a server that stays, and takes stock. @throws CpnsError */
export async function soak(household: Household, options: SoakOptions): Promise<SoakResult> {
  const soaking = new Soak(household, options);
  try {
    return await soaking.run();
  } finally {
    await soaking.end();
  }
}

/** Open at the server, connections of gateways not counted. */
export function handles({ figures, connections }: Sample): number {
  return figures.handles - connections;
}

/** As {@link handles}; 0 where files cannot be counted. */
export function files({ figures, connections }: Sample): number {
  return figures.files === undefined ? 0 : figures.files - connections;
}

class Soak {
  readonly #household: Household;
  readonly #options: SoakOptions;
  readonly #clock: Clock;
  readonly #ledger = new Ledger();
  readonly #homes: Home[] = [];
  readonly #cables: Cable[] = [];
  readonly #deeds: Partial<Record<Deed, number>> = {};
  readonly #logger = createLogger({ level: 'error', format: 'text' });
  readonly #startedMs: number;
  #failedDeeds = 0;
  #ending = false;

  constructor(household: Household, options: SoakOptions) {
    this.#household = household;
    this.#options = options;
    this.#clock = household.clock;
    this.#startedMs = this.#clock.monotonicMs();
  }

  async run(): Promise<SoakResult> {
    const { gateways, minutes, signal, say } = this.#options;
    await this.#watch();
    say(`Beginning ${gateways} homes of a PN GW and a PNE each ...`);
    await this.#beginHomes();
    await sleep(this.#clock, SETTLE_MS, signal);
    const before = await this.#sample();

    say(`Letting them live for ${minutes} min ...`);
    const endMs = this.#clock.monotonicMs() + minutes * 60_000;
    const lives = this.#homes.map((home, i) => this.#live(home, new SeededChoices(this.#options.seed + i), endMs));
    const samples: Sample[] = [];
    while (this.#clock.monotonicMs() + SAMPLE_EVERY_MS <= endMs) {
      await sleep(this.#clock, SAMPLE_EVERY_MS, signal);
      samples.push(await this.#sample());
      say(this.#line(samples.at(-1) as Sample));
    }
    await Promise.all(lives);

    say('Waiting until everything has arrived ...');
    await this.#drain();
    const after = await this.#quiet(before);
    return { samples, before, after, deeds: this.#deeds, failedDeeds: this.#failedDeeds, ledger: this.#ledger };
  }

  async end(): Promise<void> {
    this.#ending = true;
    await Promise.allSettled(this.#homes.map((home) => home.end()));
    await Promise.allSettled(this.#cables.map((cable) => cable.remove()));
  }

  get #connections(): number {
    return this.#cables.reduce((sum, cable) => sum + cable.connections, 0);
  }

  /** Everything that the server is given arrives at the ledger. Resolves when nothing is missed any more. */
  #watch(): Promise<void> {
    return new Promise((resolve, reject) => {
      const watching = this.#household.admin.watch({ kind: 'data' }, resolve, (item) => {
        if (item.kind === 'data' && item.to === 'server') this.#ledger.arrive('server', Buffer.from(item.payload, 'base64'));
        return this.#ending;
      });
      watching.catch((error) => {
        reject(error);
        if (!this.#ending) this.#options.say(`The server is no longer watched: ${describeError(error)}`);
      });
    });
  }

  async #beginHomes(): Promise<void> {
    const { gateways, seed } = this.#options;
    let next = 0;
    const worker = async () => {
      while (next < gateways) {
        const home = await this.#home(new SeededChoices(seed + 1_000_000 + next++));
        await this.#attempt(() => home.begin());
      }
    };
    await Promise.all(Array.from({ length: BEGIN_AT_ONCE }, worker));
  }

  async #home(choices: SeededChoices): Promise<Home> {
    const { admin, server } = this.#household;
    const room = new Room(this.#clock);
    const cable = await Cable.lay(parseHostPort(server.publicAddress));
    this.#cables.push(cable);
    const device = async (role: string, facts: typeof LAPTOP, own?: Cable): Promise<SoakDevice> => {
      const id = freshId(role);
      const enrolment = decodeEnrolment(nativeProvider, await this.#household.enrol(id));
      const received = ({ data }: { data: { payload: Uint8Array } }) => this.#ledger.arrive(id, data.payload);
      return new SoakDevice({ enrolment, facts, room, clock: this.#clock, logger: this.#logger, received, ...(own && { cable: own }) });
    };
    const [gateway, pne] = [await device('gw', LAPTOP, cable), await device('pne', PHONE)];
    const { signal } = this.#options;
    const home = new Home({ gateway, pne, room, cable, admin, ledger: this.#ledger, clock: this.#clock, choices, signal });
    this.#homes.push(home);
    return home;
  }

  /** One deed after the other until the time is up. */
  async #live(home: Home, choices: SeededChoices, endMs: number): Promise<void> {
    const { signal } = this.#options;
    while (this.#clock.monotonicMs() < endMs) {
      await sleep(this.#clock, PAUSE_MS.least + choices.below(PAUSE_MS.spread), signal);
      await this.#attempt(async () => {
        const deed = await home.live();
        this.#deeds[deed] = (this.#deeds[deed] ?? 0) + 1;
      });
    }
  }

  /** What did not succeed is told and made up for by the home's next deed. */
  async #attempt(deed: () => Promise<void>): Promise<void> {
    const { signal, say } = this.#options;
    try {
      await deed();
    } catch (error) {
      if (signal.aborted) throw error;
      this.#failedDeeds++;
      say(`A deed failed: ${describeError(error)}`);
    }
  }

  /** Until everything has arrived and everybody is connected, or nothing more changes. */
  async #drain(): Promise<void> {
    const state = () => `${this.#ledger.missing} ${this.#connections}`;
    const done = `0 ${this.#options.gateways}`;
    let changedMs = this.#clock.monotonicMs();
    for (let last = state(); last !== done && this.#clock.monotonicMs() - changedMs < DRAIN_LIMIT_MS; ) {
      await sleep(this.#clock, 250, this.#options.signal);
      if (state() !== last) changedMs = this.#clock.monotonicMs();
      last = state();
    }
  }

  /** What is left once what is only open for a while is closed. */
  async #quiet(before: Sample): Promise<Sample> {
    const endMs = this.#clock.monotonicMs() + QUIET_LIMIT_MS;
    for (;;) {
      await sleep(this.#clock, SETTLE_MS, this.#options.signal);
      const after = await this.#sample();
      const isQuiet = handles(after) - handles(before) <= MOST_LEFT.handles && files(after) - files(before) <= MOST_LEFT.files;
      if (isQuiet || this.#clock.monotonicMs() > endMs) return after;
    }
  }

  async #sample(): Promise<Sample> {
    const connections = this.#connections;
    const figures = await this.#household.serverFigures();
    return { atMs: this.#clock.monotonicMs(), figures, connections };
  }

  #line({ atMs, figures, connections }: Sample): string {
    const { sent, missing, duplicated } = this.#ledger;
    return [
      `${((atMs - this.#startedMs) / 60_000).toFixed(1).padStart(5)} min`,
      `${(figures.rssOctets / 1e6).toFixed(1)} MB`,
      `heap ${(figures.heapOctets / 1e6).toFixed(1)} MB`,
      `${figures.handles} handles`,
      `${figures.files ?? '?'} files`,
      `${connections} connected`,
      `${sent} messages`,
      `${missing} on the way`,
      `${duplicated} twice`,
    ].join(', ');
  }
}

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Clock, toCpnsError } from '@cpns/shared';
import type { Product } from '../../processes/commands.js';
import { Keeper } from '../../processes/keeper.js';
import type { Rig, RigFamily, RigOptions } from '../rig.js';
import { BenchHost } from './bench-host.js';
import { type BenchPlace, BenchRig } from './bench-rig.js';
import { type BenchSettings, loadBenchSettings } from './bench-settings.js';
import { PackedProduct } from './installation.js';

/** Looked for in the present directory. */
export const DEFAULT_CONFIG = 'bench.config.yaml';

/** Your own devices, over ssh: every pair of them, by every technology that they have. */
export class Bench implements RigFamily {
  readonly name = 'bench';
  readonly title = 'your own devices over ssh, named in bench.config.yaml; see hardware-tests/rigs/bench/README.md';
  readonly #clock: Clock;
  #keeper: Keeper | undefined;
  #hosts: readonly BenchHost[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws CpnsError Config/BadConfiguration */
  async open({ config = DEFAULT_CONFIG, say }: RigOptions): Promise<readonly Rig[]> {
    const settings = await loadBenchSettings(resolve(config));
    const keeper = new Keeper();
    this.#keeper = keeper;
    const directory = await mkdtemp(join(tmpdir(), `cpns-rig-${process.pid}-`));
    keeper.keep({ kind: 'directory', path: directory });
    const places = await this.#places(settings, directory, keeper, say);
    this.#hosts = places.flatMap((place) => ('host' in place ? [place.host] : []));
    let number = 0;
    const common = {
      directory,
      clock: this.#clock,
      keeper,
      serverAddress: settings.server.address,
      serverPlace: places.find(({ name }) => name === settings.server.host),
      nextNumber: () => ++number,
    };
    const paired = places.filter((_, index) => settings.hosts[index]?.extra !== true);
    return settings.technologies.flatMap((technology) =>
      pairsOf(paired, settings.bothWays).map((pair) => {
        const others = places.filter((place) => !pair.includes(place));
        return new BenchRig({ ...common, technology, pair, others });
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
    await this.#keeper?.close();
  }

  #places(settings: BenchSettings, directory: string, keeper: Keeper, say: (text: string) => void): Promise<BenchPlace[]> {
    const clock = this.#clock;
    const packed = new PackedProduct(join(directory, 'packages'), clock, keeper);
    const run = `run-${randomBytes(4).toString('hex')}`;
    return Promise.all(
      settings.hosts.map(async (host, index): Promise<BenchPlace> => {
        const { name } = host;
        const needed: Product[] = name === settings.server.host ? ['cpns-agent', 'cpns-server'] : ['cpns-agent'];
        // A short name: a socket's path has room for about a hundred characters.
        const own = join(directory, String(index));
        await mkdir(own, { mode: 0o700 });
        say(`${name}: connecting to ${host.ssh}${host.install === undefined ? ' and installing, which takes minutes the first time' : ''}`);
        try {
          const options = { settings: host, sshConfig: settings.sshConfig, needed, packed, directory: own, run, clock, keeper };
          const opened = await BenchHost.open(options);
          say(`${name}: ready`);
          return { name, host: opened };
        } catch (error) {
          const trouble = toCpnsError(error).message;
          say(`${name}: ${trouble}`);
          return { name, trouble };
        }
      }),
    );
  }
}

function pairsOf(places: readonly BenchPlace[], bothWays: boolean): (readonly [BenchPlace, BenchPlace])[] {
  return places.flatMap((first, at) =>
    places.flatMap((second, other) => (other > at || (bothWays && other < at) ? [[first, second] as const] : [])),
  );
}

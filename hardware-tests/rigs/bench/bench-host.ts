import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, describeError } from '@cpns/shared';
import type { Product } from '../../processes/commands.js';
import type { Keeper } from '../../processes/keeper.js';
import type { HostSettings, Technology } from './bench-settings.js';
import { type AdapterFacts, adaptersOf, type DeviceMarks, type HostAnswer, marksOf } from './host-facts.js';
import { installationOn, type PackedProduct } from './installation.js';
import { quoted, shellCommand } from './shell.js';
import { SshConnection } from './ssh-connection.js';
import { SshMachine } from './ssh-machine.js';

/** What `doctor` says of Bluetooth and what it says of everything else. */
interface DoctorAnswer {
  readonly checks: readonly { readonly name: string; readonly outcome: string; readonly says: string; readonly cure?: string }[];
}

export interface BenchHostOptions {
  readonly settings: HostSettings;
  readonly sshConfig: string | undefined;
  readonly needed: readonly Product[];
  readonly packed: PackedProduct;
  /** On this computer. */
  readonly directory: string;
  /** Ours among those of others in the host's directory. */
  readonly run: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** A device of the bench: another computer that is reached by ssh and has the product installed. */
export class BenchHost {
  readonly name: string;
  readonly settings: HostSettings;
  readonly machine: SshMachine;
  /** Directory there for this run; goes away with it. */
  readonly directory: string;
  readonly #connection: SshConnection;
  readonly #answer: HostAnswer;
  readonly #adapter: AdapterFacts | undefined;
  readonly #lacks: Readonly<Record<Technology, string | undefined>>;

  private constructor(
    { settings, run, directory }: BenchHostOptions,
    connection: SshConnection,
    installation: string,
    answer: HostAnswer,
    doctor: DoctorAnswer,
  ) {
    this.name = settings.name;
    this.settings = settings;
    this.directory = `${settings.directory}/${run}`;
    this.machine = new SshMachine({ connection, node: settings.node, installation, directory: join(directory, 'admin') });
    this.#connection = connection;
    this.#answer = answer;
    const adapters = adaptersOf(answer);
    this.#adapter = adapterOf(settings, adapters);
    this.#lacks = {
      lan: lacksNetwork(settings, answer),
      ble: lacksBluetooth(settings, this.#adapter, adapters, doctor),
    };
  }

  /** @throws CpnsError Transport/Unreachable, State/NotInstalled, in words for the person at the bench */
  static async open(options: BenchHostOptions): Promise<BenchHost> {
    const { settings, sshConfig, directory, clock, keeper, packed, needed, run } = options;
    const connection = await SshConnection.open({ target: settings.ssh, configFile: sshConfig, directory, clock, keeper });
    try {
      const own = `${settings.directory}/${run}`;
      await connection.run(`umask 077 && mkdir -p ${quoted(own)}`);
      const installation = await installationOn(settings, connection, packed, needed);
      const script = await readFile(new URL('./describe-host-main.js', import.meta.url), 'utf8');
      const describe = shellCommand([settings.node, '--input-type=module', '-', installation]);
      const answer = JSON.parse(await connection.run(describe, { input: script })) as HostAnswer;
      const machine = new SshMachine({ connection, node: settings.node, installation, directory });
      const host = (doctor: DoctorAnswer) => new BenchHost(options, connection, installation, answer, doctor);
      const examine = machine.words('cpns-agent', ['--json', '--state', `${own}/doctor`, 'doctor']);
      // It says with its exit code that the device is not enrolled.
      return host(JSON.parse(await connection.run(`${shellCommand(examine)} || true`)) as DoctorAnswer);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Why it cannot use `technology`, in one sentence; undefined when it can. */
  lacks(technology: Technology): string | undefined {
    return this.#lacks[technology];
  }

  marks(technology: Technology): DeviceMarks {
    return marksOf(this.name, this.#answer, technology === 'ble' ? this.#adapter : undefined);
  }

  /** The `pan` part of an agent's configuration. */
  pan(technology: Technology): object {
    const { interfaces, adapter } = this.settings;
    return technology === 'lan'
      ? { lan: { ...(interfaces.length > 0 && { interfaces }) }, ble: { enabled: false } }
      : { lan: { enabled: false }, ble: { ...(adapter !== undefined && { adapter }) } };
  }

  async remove(directory: string): Promise<void> {
    await this.#connection.run(`rm -rf ${quoted(directory)}`);
  }

  async close(): Promise<void> {
    // What cannot be removed any more, such as on a device that was switched off, lies in a directory of its own.
    await this.remove(this.directory).catch((error: unknown) => describeError(error));
    await this.#connection.close();
  }
}

function adapterOf({ adapter }: HostSettings, found: readonly AdapterFacts[]): AdapterFacts | undefined {
  if (adapter === undefined) return found[0];
  // Not every kernel tells the address; then the agent finds out.
  return found.find(({ address }) => address === adapter.toLowerCase()) ?? found.find(({ address }) => address === undefined);
}

function lacksNetwork({ name, interfaces }: HostSettings, answer: HostAnswer): string | undefined {
  const missing = interfaces.find((wanted) => !answer.interfaces.includes(wanted));
  if (missing !== undefined) return `${name} has no network interface ${missing} with an address.`;
  return answer.interfaces.length === 0 ? `${name} has no network interface with an address.` : undefined;
}

function lacksBluetooth(
  { name, adapter }: HostSettings,
  chosen: AdapterFacts | undefined,
  found: readonly AdapterFacts[],
  { checks }: DoctorAnswer,
): string | undefined {
  if (found.length === 0) return `${name} has no Bluetooth adapter.`;
  if (chosen === undefined) return `${name} has no Bluetooth adapter ${adapter}.`;
  const wrong = checks.find((check) => check.name.startsWith('Bluetooth') && check.outcome !== 'ok');
  if (wrong === undefined) return undefined;
  return `Bluetooth of ${name}: ${wrong.says}${wrong.cure === undefined ? '' : `; cure: ${wrong.cure}`}.`;
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import { LogTail } from '../../processes/log-tail.js';
import { Program, runProgram } from '../../processes/program.js';
import type { FoundService } from '../rig.js';
import type { Host } from './lan-network.js';

const START_MS = 10_000;

const busConfiguration = (socket: string) => `<busconfig>
  <type>custom</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`;

const AVAHI_CONFIGURATION = `[server]
use-ipv4=yes
use-ipv6=no
allow-interfaces=eth0
enable-dbus=yes
[publish]
disable-publishing=yes
`;

/** Avahi on a host of its own, with a message bus of its own, so that an Avahi of this machine is neither needed nor disturbed. */
export class ForeignResolver {
  readonly log = new LogTail();
  readonly #daemons: Program[] = [];
  readonly #host: Host;
  readonly #directory: string;
  readonly #base: { readonly clock: Clock; readonly keeper: Keeper; readonly env: Readonly<Record<string, string>> };

  constructor(host: Host, directory: string, clock: Clock, keeper: Keeper) {
    this.#host = host;
    this.#directory = directory;
    this.#base = { clock, keeper, env: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(directory, 'bus')}` } };
  }

  async start(): Promise<void> {
    const [bus, avahi] = [join(this.#directory, 'bus.conf'), join(this.#directory, 'avahi.conf')];
    await mkdir(this.#directory, { recursive: true });
    await writeFile(bus, busConfiguration(join(this.#directory, 'bus')));
    await writeFile(avahi, AVAHI_CONFIGURATION);
    const start = (name: string, command: readonly string[]) => {
      const program = new Program({ ...this.#base, name, command: [...this.#host.prefix, ...command], log: this.log });
      this.#daemons.push(program);
      return program;
    };
    const daemon = start('dbus-daemon', ['dbus-daemon', '--nofork', '--nopidfile', '--print-address', `--config-file=${bus}`]);
    await daemon.line((line) => (line.startsWith('unix:') ? true : undefined), START_MS);
    // "ip netns exec" has given the process a mount namespace of its own: its run directory is nobody else's.
    const script = 'mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && exec "$@" 2>&1';
    const words = ['avahi-daemon', '--no-drop-root', '--no-chroot', '--no-rlimits', '-f', avahi];
    const resolver = start('avahi-daemon', ['sh', '-c', script, 'sh', ...words]);
    await resolver.line((line) => (line.includes('Server startup complete') ? true : undefined), START_MS);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.kill()));
  }

  /** What "avahi-browse -r" resolves now. */
  async browse(type: string): Promise<FoundService[]> {
    const command = [...this.#host.prefix, 'avahi-browse', '--resolve', '--parsable', '--terminate', type];
    const output = await runProgram({ ...this.#base, name: 'avahi-browse', command, log: this.log });
    return output.split('\n').flatMap((line) => readResolved(line) ?? []);
  }
}

/** A line of `avahi-browse --parsable`: `=;eth0;IPv4;NAME;TYPE;local;HOST;ADDRESS;PORT;"key=value" ...` */
function readResolved(line: string): FoundService | undefined {
  const [sign, , , name = '', , , host = '', address = '', port = '', txt = ''] = line.split(';');
  if (sign !== '=') return undefined;
  const pairs = [...txt.matchAll(/"([^"=]*)=([^"]*)"/g)].map(([, key = '', value = '']) => [key, value] as const);
  return { name, host, address, port: Number(port), txt: Object.fromEntries(pairs) };
}

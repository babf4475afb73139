import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Notes } from './lan-lab.js';
import type { Command, Report } from './namespace-agent.js';

/** Runs a TypeScript module of this repository, resolved as the tests resolve theirs. */
const LOADER = `
  import { createViteServer } from 'vitest/node';
  const conditions = ['cpns-source', 'node', 'import', 'default'];
  const server = await createViteServer({
    configFile: false, logLevel: 'error', appType: 'custom', resolve: { conditions }, ssr: { resolve: { conditions } },
    server: { middlewareMode: true, hmr: false, ws: false, watch: null }, optimizeDeps: { noDiscovery: true },
  });
  await server.ssrLoadModule(process.argv[1]);
`;
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const AGENT = fileURLToPath(new URL('./namespace-agent.ts', import.meta.url));

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' });
}

/** Why no network namespaces can be made here, or undefined. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const probe = `cpns${process.pid}-probe`;
  try {
    ip('netns', 'add', probe);
    try {
      ip('-n', probe, 'link', 'add', 'b0', 'type', 'bridge');
    } finally {
      ip('netns', 'del', probe);
    }
  } catch (error) {
    return `"ip netns" does not work here (${error instanceof Error ? error.message.split('\n')[0] : error})`;
  }
  return undefined;
}

/** Hosts on one Ethernet switch; each a network namespace with a card `eth0`. The machine's own network is not touched. */
export class NamespaceLab {
  readonly #prefix = `cpns${process.pid}`;
  readonly #namespaces: string[] = [];
  readonly agents: NamespaceAgent[] = [];

  constructor() {
    const bridge = this.#add('sw');
    ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0', 'stp_state', '0');
    ip('-n', bridge, 'link', 'set', 'br0', 'up');
  }

  /** A host with loopback only. */
  lonely(name: string): string {
    return this.#add(name);
  }

  host(name: string, address: string): string {
    const namespace = this.#add(name);
    execFileSync('ip', [
      'netns',
      'exec',
      namespace,
      'sysctl',
      '-qw',
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv6.conf.all.accept_dad=0',
    ]);
    this.plug(name, address);
    return namespace;
  }

  /** Gives the host a new card. */
  plug(name: string, address: string): void {
    const [host, bridge] = [this.#name(name), this.#name('sw')];
    ip('link', 'add', 'eth0', 'netns', host, 'type', 'veth', 'peer', 'name', `p-${name}`, 'netns', bridge);
    ip('-n', bridge, 'link', 'set', `p-${name}`, 'master', 'br0', 'up');
    ip('-n', host, 'addr', 'add', address, 'dev', 'eth0');
    ip('-n', host, 'link', 'set', 'eth0', 'up');
  }

  /** Puts a card without IPv6 and with always the same hardware address in place of the present one. */
  plainCard(name: string, address: string): void {
    const script = [
      'link del eth0',
      `link add eth0 address 02:00:00:00:77:03 type veth peer name p-${name} netns ${this.#name('sw')}`,
      'link set eth0 addrgenmode none',
      `addr add ${address} dev eth0`,
      'link set eth0 up',
    ];
    execFileSync('ip', ['-n', this.#name(name), '-batch', '-'], { input: `${script.join('\n')}\n` });
    ip('-n', this.#name('sw'), 'link', 'set', `p-${name}`, 'master', 'br0', 'up');
  }

  unplug(name: string): void {
    ip('-n', this.#name(name), 'link', 'del', 'eth0');
  }

  /** Runs `ip` on the host. */
  on(name: string, ...words: string[]): void {
    ip('-n', this.#name(name), ...words);
  }

  async agent(name: string, id: string, options: Record<string, unknown> = {}): Promise<NamespaceAgent> {
    const agent = new NamespaceAgent(this.#name(name), id, options);
    this.agents.push(agent);
    await agent.notes.until(() => agent.notes.log.includes('started') || agent.notes.log.includes('ended'));
    if (agent.notes.log.includes('ended')) throw new Error(`the agent ${id} ended by itself`);
    return agent;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.kill()));
    for (const namespace of this.#namespaces) ip('netns', 'del', namespace);
  }

  #name(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  #add(name: string): string {
    const namespace = this.#name(name);
    ip('netns', 'add', namespace);
    this.#namespaces.push(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    return namespace;
  }
}

/** A process in a namespace that runs the LAN technology and reports what it notices. */
export class NamespaceAgent {
  readonly notes = new Notes();
  /** What is known of the others now. */
  readonly sightings = new Map<string, { readonly addresses: readonly string[]; readonly mode: number; readonly pairing: boolean }>();
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(
    namespace: string,
    readonly id: string,
    options: Record<string, unknown>,
  ) {
    const words = [
      'netns',
      'exec',
      namespace,
      process.execPath,
      '--input-type=module',
      '-e',
      LOADER,
      AGENT,
      JSON.stringify({ id, ...options }),
    ];
    this.#process = spawn('ip', words, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()));
    void this.#ended.then(() => this.notes.note('ended'));
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#heard(JSON.parse(line) as Report));
  }

  tell(command: Command): void {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  until(met: () => boolean): Promise<void> {
    return this.notes.until(met);
  }

  /** Where `other` can be dialled now, best first. */
  addressesOf(other: NamespaceAgent): readonly string[] {
    return this.sightings.get(other.id)?.addresses ?? [];
  }

  async dial(addresses: readonly string[]): Promise<void> {
    const before = this.notes.log.length;
    this.tell({ do: 'dial', addresses });
    const outcome = () => this.notes.log.slice(before).find((line) => line.startsWith('dialled') || line.startsWith('failed'));
    await this.until(() => outcome() !== undefined);
    if (outcome()?.startsWith('failed')) throw new Error(outcome());
  }

  /** Ends it without a word, as when a battery is pulled. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  #heard(report: Report): void {
    if (report.event === 'sighted') this.sightings.set(report.sighting.id, report.sighting);
    if (report.event === 'lost') this.sightings.delete(report.id);
    this.notes.note('text' in report ? `${report.event} ${report.text}` : report.event);
  }
}

import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type Clock, type EntityId, encodeEnrolment, entityId, serverId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nativeProvider, parseSettings, SystemClock, systemEntropy } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { onTestFinished } from 'vitest';
import type { AgentPlace, AgentPorts } from '../../src/cli/ports.js';
import { composeAgent } from '../../src/compose.js';
import { settingsSchema } from '../../src/config/settings.js';
import type { PeerReport } from '../../src/control/api/peers.js';
import { ControlClient } from '../../src/control/control-client.js';
import { type Host, thisHost } from '../../src/device/host.js';
import { scratchDirectory } from './scratch.js';

export const clock = new SystemClock();

/** Devices of one test process find each other and nobody else on this machine. */
const MDNS_PORT = 20_000 + (process.pid % 10_000);
/** A UDP port at which a device finds nobody: there is no multicast for it. */
export const ALONE = MDNS_PORT + 10_000;

/** Where no server listens. */
export const NOWHERE = '127.0.0.1:1';

export function uniqueId(prefix = 'agent'): EntityId {
  return entityId(`${prefix}-${Buffer.from(systemEntropy.bytes(4)).toString('hex')}`);
}

/** An enrolment code as the server shows it. */
export function enrolmentCode(
  id: EntityId,
  options: { readonly server?: string; readonly serverId?: string; readonly euKey?: Uint8Array } = {},
) {
  return encodeEnrolment(nativeProvider, {
    entityId: id,
    euKey: new Secret('EUKey', options.euKey ?? systemEntropy.bytes(32)),
    server: options.server ?? NOWHERE,
    serverId: serverId(options.serverId ?? 'cpns.test'),
    subscription: { subscriptionId: 'sub-1', userId: userId('anna'), services: [PN_GW_SERVICE], chargeable: false },
  });
}

export interface ComposedOptions {
  readonly id?: EntityId;
  /** YAML; what it leaves out of the local network is loopback. */
  readonly config?: { readonly lan?: string; readonly rest?: string };
  readonly state?: string;
  readonly clock?: Clock;
  readonly host?: Host;
  readonly mdnsPort?: number;
}

/** The whole agent of this computer in the process of a test: real files, sockets and multicast, on loopback. */
export class ComposedAgent {
  readonly id: EntityId;
  readonly place: AgentPlace;
  readonly ports: AgentPorts;
  #log = '';
  #running: { readonly ended: Promise<void>; readonly stop: AbortController; readonly client: ControlClient } | undefined;

  private constructor(id: EntityId, place: AgentPlace, options: ComposedOptions) {
    this.id = id;
    this.place = place;
    const log = new PassThrough();
    log.on('data', (chunk: Buffer) => {
      this.#log += chunk;
    });
    this.ports = composeAgent({
      clock: options.clock ?? clock,
      host: options.host ?? thisHost(),
      log,
      mdnsPort: options.mdnsPort ?? MDNS_PORT,
    });
  }

  /** Not enrolled, not running. */
  static async make(options: ComposedOptions = {}): Promise<ComposedAgent> {
    const stateDirectory = options.state ?? join(await scratchDirectory(), 'state');
    const { lan = 'port: 0', rest = '' } = options.config ?? {};
    const settings = parseSettings(settingsSchema, `pan: { lan: { interfaces: [lo], ${lan} }, ble: { enabled: false } }\n${rest}`, 'test');
    const agent = new ComposedAgent(options.id ?? uniqueId(), { stateDirectory, settings }, options);
    onTestFinished(() => agent.stop());
    return agent;
  }

  /** Enrolled and running. */
  static async running(options: ComposedOptions = {}): Promise<ComposedAgent> {
    const agent = await ComposedAgent.make(options);
    await agent.enrol();
    await agent.start();
    return agent;
  }

  enrol(code = enrolmentCode(this.id), replace = false) {
    return this.ports.enrol(this.place, code, replace);
  }

  /** Everything that was logged. */
  get log(): string {
    return this.#log;
  }

  get client(): ControlClient {
    if (this.#running === undefined) throw new TypeError('the agent does not run');
    return this.#running.client;
  }

  /** Resolves when the agent has ended. */
  get ended(): Promise<void> {
    return this.#running?.ended ?? Promise.resolve();
  }

  async start(): Promise<void> {
    const stop = new AbortController();
    let ended: Promise<void> = Promise.resolve();
    const path = await new Promise<string>((resolve, reject) => {
      ended = this.ports.run(this.place, ({ controlPath }) => resolve(controlPath), stop.signal);
      ended.catch(reject);
    });
    this.#running = { ended, stop, client: await ControlClient.connect(path, clock) };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.client.close();
    running?.stop.abort();
    await running?.ended;
  }

  status() {
    return this.client.request('status', {});
  }

  peers(explain = false) {
    return this.client.request('peers', { explain });
  }

  async peer(id: EntityId, explain = false): Promise<PeerReport | undefined> {
    return (await this.peers(explain)).peers.find((peer) => peer.id === id);
  }

  /** Resolves when something holds, looked at now and whenever something has happened here. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    const found = new AbortController();
    const look = async () => {
      if (!found.signal.aborted && (await holds())) found.abort();
    };
    const watch = this.client.request(
      'watch',
      {},
      { signal: found.signal, timeoutMs: Number.POSITIVE_INFINITY, onEvent: () => void look().catch(() => {}) },
    );
    await look();
    await watch.catch((error: unknown) => {
      if (!found.signal.aborted) throw error;
    });
  }

  /** Resolves when `id` has been noticed. */
  near(id: EntityId): Promise<void> {
    return this.until(async () => ((await this.peer(id))?.sightings.length ?? 0) > 0);
  }

  /** Resolves when a proven link to `id` stands. */
  linked(id: EntityId): Promise<void> {
    return this.until(async () => (await this.peer(id))?.link !== undefined);
  }

  /** `host:port` on IPv4 at which it accepts links. */
  async address(): Promise<string> {
    const [lan] = (await this.status()).pan;
    return lan?.addresses.find((address) => address.startsWith('127.')) ?? '';
  }
}

/** Two agents that have noticed each other; the first one has the lower id, so that it dials. */
export async function neighbours(a: ComposedOptions = {}, b: ComposedOptions = {}): Promise<readonly [ComposedAgent, ComposedAgent]> {
  const both = await Promise.all([ComposedAgent.running({ id: uniqueId('a'), ...a }), ComposedAgent.running({ id: uniqueId('b'), ...b })]);
  await Promise.all([both[0].near(both[1].id), both[1].near(both[0].id)]);
  return both;
}

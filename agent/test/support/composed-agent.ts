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
import type { PairingEvent, PairingResult } from '../../src/control/api/pairing.js';
import { ControlClient } from '../../src/control/control-client.js';
import { thisHost } from '../../src/device/host.js';
import { scratchDirectory } from './scratch.js';

export const clock = new SystemClock();

/** An entity id that no other test uses at the same time. */
export function uniqueId(prefix: string): EntityId {
  return entityId(`${prefix}-${process.pid}-${Buffer.from(systemEntropy.bytes(3)).toString('hex')}`);
}

/** An enrolment code as the server shows it; `server` is where nobody listens unless a test says otherwise. */
export function enrolmentCode(id: EntityId, server = '127.0.0.1:1'): string {
  return encodeEnrolment(nativeProvider, {
    entityId: id,
    euKey: Secret.take('EUKey', systemEntropy.bytes(32)),
    server,
    serverId: serverId('cpns.test'),
    subscription: { subscriptionId: 'sub-1', userId: userId('anna'), services: [PN_GW_SERVICE], chargeable: false },
  });
}

/** A configuration that touches loopback only. */
export function loopback(text = ''): string {
  return text.includes('pan:') ? text : `pan: { lan: { interfaces: [lo] } }\n${text}`;
}

export interface ComposedOptions {
  readonly id?: EntityId;
  /** YAML. */
  readonly config?: string;
  readonly clock?: Clock;
  readonly state?: string;
}

/** The whole agent of this computer in the process of a test: real files, sockets and multicast on loopback. */
export class ComposedAgent {
  readonly id: EntityId;
  readonly place: AgentPlace;
  readonly ports: AgentPorts;
  readonly #log = new PassThrough();
  #logText = '';
  #running: { readonly ended: Promise<void>; readonly stop: AbortController; readonly client: ControlClient } | undefined;

  private constructor(id: EntityId, place: AgentPlace, agentClock: Clock) {
    this.id = id;
    this.place = place;
    this.ports = composeAgent({ clock: agentClock, host: thisHost(), log: this.#log });
    this.#log.on('data', (chunk: Buffer) => {
      this.#logText += chunk;
    });
  }

  static async make({
    id = uniqueId('agent'),
    config = '',
    state,
    clock: agentClock = clock,
  }: ComposedOptions = {}): Promise<ComposedAgent> {
    const stateDirectory = state ?? join(await scratchDirectory(), 'state');
    const settings = parseSettings(settingsSchema, loopback(config), 'test');
    const agent = new ComposedAgent(id, { stateDirectory, settings }, agentClock);
    onTestFinished(() => agent.stop());
    return agent;
  }

  /** Enrolled and running. */
  static async running(options: ComposedOptions = {}): Promise<ComposedAgent> {
    const agent = await ComposedAgent.make(options);
    await agent.ports.enrol(agent.place, enrolmentCode(agent.id), false);
    await agent.start();
    return agent;
  }

  /** Everything that was logged. */
  get log(): string {
    return this.#logText;
  }

  get client(): ControlClient {
    if (this.#running === undefined) throw new TypeError('the agent does not run');
    return this.#running.client;
  }

  /** Resolves when the agent has ended by itself or was stopped. */
  get ended(): Promise<void> {
    return this.#running?.ended ?? Promise.resolve();
  }

  async start(): Promise<void> {
    const stop = new AbortController();
    let ended: Promise<void> | undefined;
    const path = await new Promise<string>((resolve, reject) => {
      ended = this.ports.run(this.place, ({ controlPath }) => resolve(controlPath), stop.signal);
      ended.catch(reject);
    });
    this.#running = { ended: ended as Promise<void>, stop, client: await ControlClient.connect(path, clock) };
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

  /** Resolves with the first event of `watch` from now on that fits, or at once when `already` says so. */
  async until(fits: () => Promise<boolean>): Promise<void> {
    const found = new AbortController();
    const look = async () => {
      if (!found.signal.aborted && (await fits())) found.abort();
    };
    const watching = this.client
      .request('watch', {}, { signal: found.signal, timeoutMs: Number.POSITIVE_INFINITY, onEvent: () => void look() })
      .catch((error: unknown) => {
        if (!found.signal.aborted) throw error;
      });
    await look();
    await watching;
  }

  /** Resolves when `peer` has been noticed. */
  near(peer: EntityId): Promise<void> {
    return this.until(async () => (await this.peers()).peers.some(({ id, sightings }) => id === peer && sightings.length > 0));
  }

  /** Resolves when a proven link to `peer` stands. */
  linked(peer: EntityId): Promise<void> {
    return this.until(async () => (await this.peers()).peers.some(({ id, link }) => id === peer && link !== undefined));
  }
}

/** What a person sees and says while two devices pair. */
export interface PairingParty {
  readonly events: PairingEvent[];
  readonly result: Promise<PairingResult>;
}

/** Opens the pairing at `agent` for `peer`; `says` answers each code. */
export function openPairing(agent: ComposedAgent, peer: string, says: (code: string) => 'yes' | 'no' = () => 'yes'): PairingParty {
  const events: PairingEvent[] = [];
  const onEvent = (event: PairingEvent) => {
    events.push(event);
    if (event.type !== 'code') return;
    void agent.client.request('pair.answer', { attempt: event.attempt, answer: { type: says(event.code) } });
  };
  return { events, result: agent.client.request('pair.peer', { peer }, { onEvent, timeoutMs: 130_000 }) };
}

/** Pairs two agents by code; both people say yes. */
export async function pairByCode(a: ComposedAgent, b: ComposedAgent): Promise<readonly [PairingResult, PairingResult]> {
  return Promise.all([openPairing(a, b.id).result, openPairing(b, a.id).result]);
}

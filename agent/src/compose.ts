import { readFileSync } from 'node:fs';
import { type Clock, CpnsError, type Logger, withDeadline } from '@cpns/shared';
import { modeName } from '@cpns/shared/messages';
import { createLogger, nativeProvider, SystemClock, systemEntropy } from '@cpns/shared/node';
import { AgentState, requireEnrolment, rootOf, summaryOf } from './agent-state.js';
import type { AgentPlace, AgentPorts, RunningAgent } from './cli/ports.js';
import type { ResetResult } from './control/api/lifecycle.js';
import { ControlServer } from './control/control-server.js';
import { controlPath } from './control/control-socket.js';
import { DeviceControl } from './control/device-control/device-control.js';
import { HappeningFeed } from './control/device-control/happening-feed.js';
import { LogMemory } from './control/device-control/log-memory.js';
import { readDeviceFacts } from './device/device-facts.js';
import { thisHost } from './device/host.js';
import { runDoctor } from './doctor/doctor.js';
import { Device } from './entity/device.js';
import type { EnrolmentRecord } from './entity/device-state.js';
import { LanTechnology } from './pan/lan/lan-technology.js';
import { MqttUplink } from './uplink/mqtt-uplink.js';
import { ServerDiscovery } from './uplink/server-discovery.js';

/** What the device is and has is read again this often. */
const FACTS_EVERY_MS = 60_000;
const STOP_WITHIN_MS = 8_000;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The only place where the agent's ports meet their adapters. */
export const agentPorts: AgentPorts = {
  async enrol(place, code, replace) {
    const opened = await openState(place);
    try {
      return await opened.enrol(code, replace);
    } finally {
      await opened.close();
    }
  },

  async run(place, ready, signal) {
    const agent = await RunningDevice.start(place);
    try {
      ready(agent.description);
      await agent.ended(signal);
    } finally {
      await agent.stop();
    }
  },

  async reset(place, { everything }) {
    const opened = await openState(place);
    try {
      return await opened.reset(everything);
    } finally {
      await opened.close();
    }
  },

  async inspect(place) {
    const opened = await openState(place);
    const { enrolment } = opened.state;
    await opened.close();
    if (enrolment === undefined) return { enrolment: undefined, probe: undefined };
    const clock = new SystemClock();
    return {
      enrolment: summaryOf(enrolment),
      probe: async (signal) => {
        const { uplink, discovery } = uplinkOf(place, enrolment, clock, createLogger({ level: 'error', format: 'text' }));
        try {
          return await uplink.probe(signal);
        } finally {
          await discovery.stop();
        }
      },
    };
  },
};

function openState({ stateDirectory }: AgentPlace): Promise<AgentState> {
  return AgentState.open(stateDirectory, new SystemClock(), createLogger({ level: 'warn', format: 'text' }));
}

function uplinkOf({ settings }: AgentPlace, enrolment: EnrolmentRecord, clock: Clock, logger: Logger) {
  const discovery = new ServerDiscovery({
    clock,
    entropy: systemEntropy,
    logger,
    serverId: enrolment.serverId,
    enrolled: enrolment.serverAddress === '' ? undefined : enrolment.serverAddress,
    configured: settings.server.address,
    domain: settings.server.domain,
    interfaces: settings.pan.lan.interfaces,
  });
  const identity = { entityId: enrolment.entityId, key: rootOf(enrolment).kTls };
  return { discovery, uplink: new MqttUplink({ identity, resolve: discovery.resolve, clock, entropy: systemEntropy, logger }) };
}

/** An agent that runs: its device, its control API, and what is under them. */
class RunningDevice {
  readonly description: RunningAgent;
  readonly #close: (() => Promise<void> | void)[];
  readonly #stopping: AbortController;

  private constructor(description: RunningAgent, stopping: AbortController, close: (() => Promise<void> | void)[]) {
    this.description = description;
    this.#stopping = stopping;
    this.#close = close;
  }

  /** @throws CpnsError State/NotEnrolled, State/AlreadyRunning, Config; nothing stays open then */
  static async start(place: AgentPlace): Promise<RunningDevice> {
    const close: (() => Promise<void> | void)[] = [];
    try {
      return await RunningDevice.#open(place, close);
    } catch (error) {
      await closeAll(close);
      throw error;
    }
  }

  static async #open(place: AgentPlace, close: (() => Promise<void> | void)[]): Promise<RunningDevice> {
    const { settings, stateDirectory } = place;
    const clock = new SystemClock();
    const logs = new LogMemory(clock);
    const logger = logs.over(createLogger({ level: settings.log.level, format: settings.log.format }));
    const opened = await AgentState.open(stateDirectory, clock, logger);
    close.push(() => opened.close());
    const enrolment = requireEnrolment(opened.state);
    const host = thisHost();
    const name = settings.name ?? enrolment.entityId;
    const facts = async () => ({ ...(await readDeviceFacts(host, settings.device)), name });
    const firstFacts = await facts();
    const { uplink, discovery } = uplinkOf(place, enrolment, clock, logger);
    close.push(() => discovery.stop());

    const lan = settings.pan.lan.enabled
      ? new LanTechnology({
          id: enrolment.entityId,
          clock,
          entropy: systemEntropy,
          logger: logger.child('lan'),
          interfaces: settings.pan.lan.interfaces,
          port: settings.pan.lan.port,
          peers: settings.pan.lan.peers,
          maxLinks: settings.limits.links,
          handshakesPerSecondPerAddress: settings.limits.handshakesPerSecondPerAddress,
          handshakeBurstPerAddress: settings.limits.handshakeBurstPerAddress,
          maxNames: settings.limits.mdnsNames,
        })
      : undefined;
    const feed: HappeningFeed = new HappeningFeed(
      () => modeName(device.roles.mode),
      () => clock.wallMs(),
    );
    const device: Device = new Device({
      identity: { id: enrolment.entityId, root: rootOf(enrolment), idServer: enrolment.serverId, subscription: enrolment.subscription },
      provider: nativeProvider,
      clock,
      entropy: systemEntropy,
      logger,
      state: opened.state,
      settings: {
        requireForwardSecrecy: settings.requireForwardSecrecy,
        allowUnprotectedPan: settings.allowUnprotectedPan,
        shareMembers: settings.shareMembers,
        limits: settings.limits,
        consent: settings.consent === 'auto' ? (firstFacts.ui ? 'ask' : 'same-user') : settings.consent,
      },
      facts: firstFacts,
      technologies: lan === undefined ? [] : [lan],
      uplink,
      bootCounter: await opened.state.nextBootCounter(),
      happened: (what) => {
        logger.notice(what.text, { happened: what.type });
        feed.happened(what);
      },
      received: (message) => feed.received(message),
    });

    const stopping = new AbortController();
    const end = () => stopping.abort(new CpnsError('State', 'Stopping', 'The agent is ending.'));
    const control = new DeviceControl(
      device,
      clock,
      {
        version,
        name,
        allowUnprotectedPan: settings.allowUnprotectedPan,
        technologies: lan === undefined ? [] : [lan],
        addPeer: (address) => lan?.addPeer(address),
        serverAddress: () => settings.server.address ?? (enrolment.serverAddress || undefined),
        doctor: (signal) =>
          runDoctor(
            {
              host,
              settings,
              stateDirectory,
              running: true,
              probe: (probeSignal) => uplink.probe(probeSignal),
              clockOffsetMs: device.clockOffsetMs,
            },
            clock,
            logger,
            signal,
          ),
        reset: async (everything): Promise<ResetResult> => {
          await device.stop();
          const result = await opened.reset(everything);
          // What the process holds in memory is of the state before: it starts anew from the empty one.
          clock.after(0, end);
          return result;
        },
        stop: end,
      },
      feed,
      logs,
    );
    const path = controlPath(stateDirectory);
    const server = await ControlServer.open({ agent: control, path, clock, logger });
    close.push(() => server.close());
    close.push(() => device.stop());
    await device.start();
    const cancelFacts = everySoOften(clock, FACTS_EVERY_MS, async () => device.factsChanged(await facts()));
    close.push(cancelFacts);
    return new RunningDevice({ id: enrolment.entityId, name, controlPath: path }, stopping, close);
  }

  /** Resolves when somebody told it to end, or `signal` fires. */
  ended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      for (const cause of [signal, this.#stopping.signal]) {
        if (cause.aborted) return resolve();
        cause.addEventListener('abort', () => resolve(), { once: true });
      }
    });
  }

  stop(): Promise<void> {
    return withDeadline(new SystemClock(), STOP_WITHIN_MS, undefined, () => closeAll(this.#close), 'The agent did not end in time.').catch(
      () => undefined,
    );
  }
}

async function closeAll(close: (() => Promise<void> | void)[]): Promise<void> {
  for (let last = close.pop(); last !== undefined; last = close.pop()) await last();
}

function everySoOften(clock: Clock, ms: number, work: () => Promise<void>): () => void {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(ms, () => {
      void work().catch(() => undefined);
      again();
    });
  };
  again();
  return () => cancel();
}

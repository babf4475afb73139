import { readFileSync } from 'node:fs';
import { type Clock, decodeEnrolment, describeError, type Logger, withDeadline } from '@cpns/shared';
import { createLogger, nativeProvider, SystemClock, systemEntropy } from '@cpns/shared/node';
import { eraseRoot } from '@cpns/shared/security';
import { AgentRun } from './agent-run.js';
import { AgentState } from './agent-state.js';
import type { AgentPlace, AgentPorts, RunningAgent } from './cli/ports.js';
import { ControlServer } from './control/control-server.js';
import { controlPath } from './control/control-socket.js';
import { deviceControl } from './control/device-control/device-control.js';
import { HappeningFeed } from './control/device-control/happening-feed.js';
import { LogMemory } from './control/device-control/log-memory.js';
import { ContentShelf } from './device/content-shelf.js';
import { readDeviceFacts } from './device/device-facts.js';
import { type Host, thisHost } from './device/host.js';
import { DeviceRun } from './device-run.js';
import { runDoctor } from './doctor/doctor.js';
import { requireEnrolment, rootOf, summaryOf } from './enrolment.js';
import { Device } from './entity/device.js';
import type { Happening } from './entity/device-context.js';
import type { DeviceState, EnrolmentRecord } from './entity/device-state.js';
import { HintKeys } from './entity/hint-keys.js';
import type { DeviceFacts } from './entity/role-keeper.js';
import { BleTechnology } from './pan/ble/ble-technology.js';
import { RadioSupervisor } from './pan/ble/radio-supervisor.js';
import { LanTechnology } from './pan/lan/lan-technology.js';
import { pairingPage } from './pan/qr/pairing-page.js';
import { MqttUplink } from './uplink/mqtt-uplink.js';
import { ServerDiscovery } from './uplink/server-discovery.js';

/** The world around an agent. */
export interface AgentEnvironment {
  readonly clock: Clock;
  readonly host: Host;
  /** Where the log of a running agent goes. */
  readonly log: NodeJS.WritableStream;
  /** UDP port of mDNS. Default: 5353; another one finds only devices that use it too. */
  readonly mdnsPort?: number;
}

/** One thing that is closed at the end takes no longer; the rest is closed all the same. */
const CLOSE_MS = 5_000;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The agent on this computer. The only place where its ports meet their adapters is this file. */
export const agentPorts: AgentPorts = composeAgent({ clock: new SystemClock(), host: thisHost(), log: process.stderr });

export function composeAgent(environment: AgentEnvironment): AgentPorts {
  const { clock } = environment;
  const quiet = createLogger({ level: 'warn', format: 'text', destination: environment.log });
  const existing = ({ stateDirectory }: AgentPlace) => AgentState.openExisting(stateDirectory, clock, quiet);
  return {
    async enrol({ stateDirectory }, code, replace) {
      // A code with a typing error leaves nothing behind, not even an empty state.
      const enrolment = decodeEnrolment(nativeProvider, code);
      try {
        const opened = await AgentState.open(stateDirectory, clock, quiet);
        try {
          return summaryOf(await opened.enrol(enrolment, replace));
        } finally {
          await opened.close();
        }
      } finally {
        enrolment.euKey.erase();
      }
    },

    run: (place, ready, signal) => run(environment, place, ready, signal),

    async reset(place, { everything }) {
      const opened = await existing(place);
      if (opened === undefined) return { pairings: 0, pns: 0, messages: 0, enrolment: false };
      try {
        return await opened.reset(everything);
      } finally {
        await opened.close();
      }
    },

    async inspect(place) {
      const opened = await existing(place);
      const enrolment = opened?.state.enrolment;
      await opened?.close();
      if (enrolment === undefined) return { enrolment: undefined, probe: undefined };
      const probe = async (signal: AbortSignal) => {
        const { uplink, discovery, root } = makeUplink(environment, quiet, place, enrolment);
        try {
          return await uplink.probe(signal);
        } finally {
          await discovery.stop();
          eraseRoot(root);
        }
      };
      return { enrolment: summaryOf(enrolment), probe };
    },
  };
}

async function run(
  environment: AgentEnvironment,
  place: AgentPlace,
  ready: (agent: RunningAgent) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, host, log } = environment;
  const { settings, stateDirectory } = place;
  const written = createLogger({ ...settings.log, destination: log });
  const logs = new LogMemory(clock);
  const logger = logs.over(written);
  const feed = new HappeningFeed(clock);
  const closers: (() => Promise<void>)[] = [];
  try {
    const opened = await AgentState.openExisting(stateDirectory, clock, logger);
    if (opened !== undefined) closers.push(() => opened.close());
    const enrolment = requireEnrolment(opened?.state.enrolment);
    const state = opened as AgentState;
    const name = settings.name ?? enrolment.entityId;
    const agent = await AgentRun.start({
      clock,
      logger,
      state,
      makeDevice: (bootCounter) => makeDevice({ environment, logger, feed, place, state: state.state, enrolment, bootCounter }),
    });
    closers.push(() => agent.stop());
    const control = deviceControl({
      clock,
      version,
      name,
      settings,
      startedAtMs: clock.monotonicMs(),
      feed,
      logs,
      current: () => agent.current,
      doctor: (limit) => {
        const { uplink, device } = agent.current;
        const probe = (probeLimit: AbortSignal) => uplink.probe(probeLimit);
        const bluetoothTrouble = device.neighbourhood.problemOf('ble');
        const context = { host, settings, stateDirectory, running: true, probe, bluetoothTrouble, clockOffsetMs: device.clockOffsetMs };
        return runDoctor(context, clock, logger, limit);
      },
      reset: (everything) => agent.reset(everything),
      stop: () => agent.end(),
    });
    const path = controlPath(stateDirectory);
    const server = await ControlServer.open({ agent: control, path, clock, logger });
    closers.push(() => server.close());
    logger.notice('the agent runs', { id: enrolment.entityId, version, control: path });
    ready({ id: enrolment.entityId, name, controlPath: path });
    await agent.ended(signal);
    logger.notice('the agent is ending');
  } finally {
    await closeAll(closers, clock, logger);
    written.close();
  }
}

/** In the opposite order of opening, each within its time. */
async function closeAll(closers: (() => Promise<void>)[], clock: Clock, logger: Logger): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await withDeadline(clock, CLOSE_MS, undefined, close, 'it took too long');
    } catch (error) {
      logger.warn('something could not be closed in order', { why: describeError(error) });
    }
  }
}

interface DeviceInput {
  readonly environment: AgentEnvironment;
  readonly logger: Logger;
  readonly feed: HappeningFeed;
  readonly place: AgentPlace;
  readonly state: DeviceState;
  readonly enrolment: EnrolmentRecord;
  readonly bootCounter: number;
}

async function makeDevice({ environment, logger, feed, place, state, enrolment, bootCounter }: DeviceInput): Promise<DeviceRun> {
  const { clock, host } = environment;
  const { settings } = place;
  const readFacts = async (): Promise<DeviceFacts> => ({
    ...(await readDeviceFacts(host, settings.device)),
    ...(settings.name !== undefined && { name: settings.name }),
  });
  const facts = await readFacts();
  const contents = new ContentShelf(settings.contents, settings.limits.contentOctets, logger.child('contents'));
  await contents.refresh();
  const { uplink, discovery, root } = makeUplink(environment, logger, place, enrolment);
  const lan = settings.pan.lan.enabled ? makeLan(environment, logger, place, state, enrolment) : undefined;
  const ble = settings.pan.ble.enabled ? makeBle(environment, logger, place, state, enrolment) : undefined;
  const technologies = [lan, ble].filter((technology) => technology !== undefined);
  const device = new Device({
    identity: { id: enrolment.entityId, root, idServer: enrolment.serverId, subscription: enrolment.subscription },
    provider: nativeProvider,
    clock,
    entropy: systemEntropy,
    logger: logger.child('device'),
    state,
    settings,
    facts,
    technologies,
    uplink,
    contents,
    bootCounter,
    happened: (what) => {
      logHappening(logger, what);
      feed.happened(what);
    },
    received: (message) => feed.received(message),
  });
  return new DeviceRun({ clock, logger, device, technologies, lan, uplink, discovery, root, contents, facts, readFacts });
}

function makeLan(
  { clock, mdnsPort }: AgentEnvironment,
  logger: Logger,
  { settings }: AgentPlace,
  state: DeviceState,
  { entityId }: EnrolmentRecord,
): LanTechnology {
  const { pan, limits } = settings;
  const remembered = [...state.pairings().values()].flatMap((pairing) => pairing.addresses ?? []);
  return new LanTechnology({
    id: entityId,
    clock,
    entropy: systemEntropy,
    logger: logger.child('lan'),
    interfaces: pan.lan.interfaces,
    port: pan.lan.port,
    peers: [...pan.lan.peers, ...remembered],
    maxLinks: limits.links,
    handshakesPerSecondPerAddress: limits.handshakesPerSecondPerAddress,
    handshakeBurstPerAddress: limits.handshakeBurstPerAddress,
    maxNames: limits.mdnsNames,
    page: pairingPage,
    ...(mdnsPort !== undefined && { mdnsPort }),
  });
}

/** Nothing of Bluetooth is loaded in this process: the radio has one of its own, which says what is missing. */
function makeBle(
  { clock }: AgentEnvironment,
  logger: Logger,
  { settings }: AgentPlace,
  state: DeviceState,
  { entityId }: EnrolmentRecord,
): BleTechnology {
  const { adapter = '', secondAdapter = '' } = settings.pan.ble;
  const own = { clock, entropy: systemEntropy, logger: logger.child('ble') };
  return new BleTechnology({
    ...own,
    id: entityId,
    provider: nativeProvider,
    radio: new RadioSupervisor({ ...own, adapter: adapter.toLowerCase(), secondAdapter: secondAdapter.toLowerCase() }),
    keys: new HintKeys(nativeProvider, state, entityId),
    maxNames: settings.limits.mdnsNames,
  });
}

/** The way to the server, and the keys of the device with it; whoever asks erases them. */
function makeUplink({ clock, mdnsPort }: AgentEnvironment, logger: Logger, { settings }: AgentPlace, enrolment: EnrolmentRecord) {
  const discovery = new ServerDiscovery({
    clock,
    entropy: systemEntropy,
    logger: logger.child('discovery'),
    serverId: enrolment.serverId,
    enrolled: enrolment.serverAddress === '' ? undefined : enrolment.serverAddress,
    configured: settings.server.address,
    domain: settings.server.domain,
    interfaces: settings.pan.lan.interfaces,
    ...(mdnsPort !== undefined && { mdnsPort }),
  });
  const root = rootOf(enrolment);
  const identity = { entityId: enrolment.entityId, key: root.kTls };
  return { root, discovery, uplink: new MqttUplink({ identity, resolve: discovery.resolve, clock, entropy: systemEntropy, logger }) };
}

/** Comings and goings near are many and mean little; what a person should act on stands out. */
function logHappening(logger: Logger, { type, text }: Happening): void {
  const level = type === 'problem' ? 'warn' : type === 'peer-sighted' || type === 'peer-lost' ? 'info' : 'notice';
  logger[level](text, { happened: type });
}

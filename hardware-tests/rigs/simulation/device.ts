import {
  boundListeners,
  type ConsentPolicies,
  type ContentSource,
  Device,
  type DeviceFacts,
  type DeviceSettings,
  DeviceState,
  defaultSettings,
  type Happening,
  type PanTechnology,
  type ReceivedMessage,
  type Uplink,
} from '@cpns/agent';
import { type CryptoProvider, type EntityId, entityId, StoppableClock, serverId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { type EuKeyRoot, euKeyPrk, rootFromPrk, Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, MemoryStore, type VirtualClock } from '@cpns/shared/testing';
import type { SimulatedAir } from './air.js';
import type { Cable } from './cable.js';
import { Deeds, observedStore } from './deeds.js';
import type { RadioRoom } from './radio-room.js';

// As in the process of an agent.
boundListeners();

export const SERVER_ID = serverId('cpns.test');

export const PHONE: DeviceFacts = {
  mains: false,
  batteryPercent: 80,
  cores: 4,
  memoryMiB: 4096,
  networks: [],
  ui: true,
  zone: false,
  canRoute: true,
  preference: 0,
  name: 'phone',
};
export const LAPTOP: DeviceFacts = { ...PHONE, mains: true, batteryPercent: 100, cores: 8, memoryMiB: 16_384, name: 'laptop' };
export const BOARD: DeviceFacts = { ...PHONE, mains: true, batteryPercent: 100, cores: 2, memoryMiB: 1024, ui: false, name: 'board' };

/** An uplink to nowhere; `reachable` is what a probe says. */
export function noUplink(reachable: boolean, clock: VirtualClock): Uplink {
  return {
    start: (events) => void clock.after(1, () => events.disconnected('there is no server in this test')),
    publish: async () => {},
    probe: async () => ({ reachable, atMonotonicMs: clock.monotonicMs() }),
    stop: async () => {},
  };
}

/** The uplink of a device whose power may go off. */
function mortalUplink(uplink: Uplink, deeds: Deeds): Uplink & { die(): void } {
  let dead = false;
  return {
    start: (events) =>
      uplink.start({
        connected: () => dead || events.connected(),
        disconnected: (reason) => dead || events.disconnected(reason),
        message: (payload) => dead || events.message(payload),
      }),
    publish: async (payload) => {
      if (dead) return;
      const published = uplink.publish(payload);
      deeds.did('publishes');
      await published;
    },
    probe: (signal) => uplink.probe(signal),
    stop: () => (dead ? Promise.resolve() : uplink.stop()),
    die: () => {
      dead = true;
      void uplink.stop();
    },
  };
}

export interface SimulatedDeviceOptions {
  /** Undefined: it has Bluetooth alone. */
  readonly air?: SimulatedAir | undefined;
  /** Given, it has Bluetooth. */
  readonly radios?: RadioRoom | undefined;
  /** Unplugged: its Bluetooth is out of range. */
  readonly range?: Cable;
  readonly clock: VirtualClock;
  readonly facts?: DeviceFacts;
  readonly uplink?: Uplink;
  readonly store?: MemoryStore;
  readonly euKey?: Uint8Array;
  readonly consent?: ConsentPolicies['consent'];
  readonly settings?: Partial<DeviceSettings & ConsentPolicies>;
  readonly limits?: Partial<DeviceSettings['limits']>;
  readonly services?: readonly string[];
  /** What it offers to others. */
  readonly contents?: ContentSource;
  /** What seals and opens for this device; one that lies makes it a malicious device. */
  readonly provider?: CryptoProvider;
  /** How far its wall clock is ahead of the true time. */
  readonly clockAheadMs?: number;
  /** In place of its station in the air. */
  readonly technologies?: readonly PanTechnology[];
  /** Where its commits and messages are noted; given, they can be awaited from its very start on. */
  readonly deeds?: Deeds;
  /** Called before it does anything: from then on its power can be cut, even while it still starts. */
  powered?(powerCut: () => MemoryStore): void;
}

/** A device of the pure core with everything around it simulated. */
export interface SimulatedDevice {
  readonly id: EntityId;
  /** What it derived from its EUKey. */
  readonly root: EuKeyRoot;
  readonly device: Device;
  readonly store: MemoryStore;
  readonly logger: MemoryLogger;
  readonly happenings: Happening[];
  readonly received: ReceivedMessage[];
  /** Commits and frames of this device. */
  readonly deeds: Deeds;
  /** Sets its wall clock, as a person or NTP does. */
  setClockAhead(ms: number): void;
  /** Ends the device between two instructions, and returns the store as the next start finds it. */
  powerCut(): MemoryStore;
}

export async function simulatedDevice(name: string, options: SimulatedDeviceOptions): Promise<SimulatedDevice> {
  const { air, radios, range, provider = nativeProvider } = options;
  let aheadMs = options.clockAheadMs ?? 0;
  const clock = new StoppableClock({
    monotonicMs: () => options.clock.monotonicMs(),
    wallMs: () => options.clock.wallMs() + aheadMs,
    after: (delayMs, action) => options.clock.after(delayMs, action),
  });
  const id = entityId(name);
  const store = options.store ?? new MemoryStore();
  const logger = new MemoryLogger();
  const happenings: Happening[] = [];
  const received: ReceivedMessage[] = [];
  const deeds = options.deeds ?? new Deeds();
  const uplink = mortalUplink(options.uplink ?? noUplink(true, options.clock), deeds);
  let hasPower = true;
  const powerCut = () => {
    hasPower = false;
    clock.stop();
    air?.vanish(id);
    radios?.vanish(id);
    uplink.die();
    return store.crash();
  };
  options.powered?.(powerCut);
  const state = new DeviceState(observedStore(store, deeds));
  const bootCounter = await state.nextBootCounter();
  if (!hasPower) throw new Error(`${id} lost its power while it started`);
  const root = rootFromPrk(
    provider,
    euKeyPrk(provider, new Secret(`EUKey ${name}`, options.euKey ?? new Uint8Array(32).fill(name.length))),
  );
  const entropy = new InsecureSeededEntropy(`${name} at ${clock.monotonicMs()}`);
  const host = { id, clock, entropy, logger, provider, state, deeds, ...(range && { range }) };
  const technologies = [...(air ? [air.technology(id, deeds)] : []), ...(radios ? [radios.technology(host)] : [])];
  const device = new Device({
    identity: {
      id,
      root,
      idServer: SERVER_ID,
      subscription: { subscriptionId: 'sub', userId: 'alice' as never, services: options.services ?? [PN_GW_SERVICE], chargeable: true },
    },
    provider,
    clock,
    entropy,
    logger,
    state,
    settings: {
      requireForwardSecrecy: true,
      allowUnprotectedPan: false,
      shareMembers: true,
      expelAfterUpdate: false,
      limits: { ...defaultSettings().limits, recoverySpreadMs: 1_000, ...options.limits },
      consent: options.consent ?? 'same-user',
      confirm: 'auto',
      admit: 'auto',
      ...options.settings,
    },
    facts: options.facts ?? PHONE,
    technologies: options.technologies ?? technologies,
    uplink,
    ...(options.contents && { contents: options.contents }),
    bootCounter,
    happened: (what) => happenings.push(what),
    received: (message) => received.push(message),
  });
  await device.start();
  const setClockAhead = (ms: number) => {
    aheadMs = ms;
  };
  return { id, root, device, store, logger, happenings, received, deeds, powerCut, setClockAhead };
}

/** Pairs two devices by code; both people say yes. */
export async function pairByCode(clock: VirtualClock, a: SimulatedDevice, b: SimulatedDevice): Promise<string[]> {
  const codes: string[] = [];
  const pair = ({ device }: SimulatedDevice, peer: EntityId) =>
    device.pairing.pair(
      { type: 'code', peer },
      undefined,
      (event) => {
        if (event.type !== 'code') return;
        codes.push(event.code);
        clock.after(10, () => device.pairing.answer(event.attempt, { type: 'yes' }));
      },
      new AbortController().signal,
    );
  await clock.run(Promise.all([pair(a, b.id), pair(b, a.id)]));
  return codes;
}

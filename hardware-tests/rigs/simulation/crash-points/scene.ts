import type { ContentSource } from '@cpns/agent';
import { type EntityId, entityId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { MemoryStore, VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../air.js';
import { Deeds } from '../deeds.js';
import { BOARD, LAPTOP, PHONE, pairByCode, type SimulatedDevice, type SimulatedDeviceOptions, simulatedDevice } from '../device.js';
import { Witness } from '../invariants/witness.js';
import type { World } from '../invariants/world.js';
import { RadioRoom } from '../radio-room.js';
import { SimulatedServer } from '../server.js';

/** Deadlines of the server, shorter than usual, so that everything has come to rest soon. */
const SESSIONS = { acknowledgeTimeoutMs: 60_000, heartbeatMs: 5_000 };
const FACTS: Readonly<Record<string, SimulatedDeviceOptions['facts']>> = { laptop: LAPTOP, phone: PHONE, board: BOARD, home: LAPTOP };

export const LAPTOP_ID = entityId('laptop');
export const PHONE_ID = entityId('phone');
export const BOARD_ID = entityId('board');
/** PN GW and PNE of another user. */
export const HOME_ID = entityId('home');
export const GUEST_ID = entityId('guest');
const BOB = userId('bob');
const BOBS: ReadonlySet<EntityId> = new Set([HOME_ID, GUEST_ID]);
export const SERVER = 'server' as const;

/** Who may lose its power: a device, by its name, or the server. */
export type Party = EntityId | typeof SERVER;

/** A server and some devices, each of which can lose its power at any of its deeds. */
export class Scene implements World {
  readonly clock = new VirtualClock();
  /** Carries what devices say to each other. */
  readonly air: SimulatedAir;
  readonly witness = new Witness(nativeProvider);
  readonly server = new SimulatedServer(this.clock, { sessions: SESSIONS, provider: this.witness.provider('') });
  /** Devices as they were before a crash. */
  readonly past: SimulatedDevice[] = [];
  readonly #devices = new Map<EntityId, SimulatedDevice>();
  readonly #deeds = new Map<EntityId, Deeds>();
  readonly #euKeys = new Map<EntityId, Uint8Array>();
  readonly #powerCuts = new Map<EntityId, () => MemoryStore>();
  /** Undefined: devices are on a local network. */
  /** What devices offer from their next start on. */
  readonly contents = new Map<EntityId, ContentSource>();
  readonly #radios: RadioRoom | undefined;
  readonly #firstStore: (id: EntityId) => MemoryStore;
  readonly #off = new Set<EntityId>();
  #clocksAheadMs = 0;

  /** `firstStore`: what a device stores in until its first crash. `pan`: how devices are near one another. */
  constructor(firstStore: (id: EntityId, clock: VirtualClock) => MemoryStore = () => new MemoryStore(), pan: 'lan' | 'ble' = 'lan') {
    this.#firstStore = (id) => firstStore(id, this.clock);
    this.#radios = pan === 'ble' ? new RadioRoom(this.clock) : undefined;
    this.air = this.#radios?.air ?? new SimulatedAir(this.clock);
  }

  /** Devices that have Bluetooth alone. */
  static overBluetooth(): Scene {
    return new Scene(undefined, 'ble');
  }

  /** Enrols a device at first, and starts it; again on what its store had committed. */
  async start(id: EntityId): Promise<SimulatedDevice> {
    const euKey = this.#euKeys.get(id) ?? (await this.#enrol(id));
    this.#euKeys.set(id, euKey);
    const store = this.#powerCuts.get(id)?.() ?? this.#firstStore(id);
    const device = await simulatedDevice(id, {
      ...(this.#radios ? { radios: this.#radios } : { air: this.air }),
      clock: this.clock,
      facts: FACTS[id] ?? PHONE,
      euKey,
      uplink: this.server.uplink(id),
      settings: { confirm: 'paired' },
      ...(this.contents.has(id) && { contents: this.contents.get(id) as ContentSource }),
      deeds: this.#deedsOfDevice(id),
      clockAheadMs: this.#clocksAheadMs,
      powered: (powerCut) => this.#powerCuts.set(id, powerCut),
      store,
      provider: this.witness.provider(id),
    });
    const before = this.#devices.get(id);
    if (before !== undefined) this.past.push(before);
    this.#off.delete(id);
    this.#devices.set(id, device);
    return device;
  }

  get devices(): SimulatedDevice[] {
    return [...this.#devices.values()];
  }

  /** Those that have power. */
  get running(): SimulatedDevice[] {
    return this.devices.filter(({ id }) => !this.#off.has(id));
  }

  /** The device as it is since its last start. */
  device(id: EntityId): SimulatedDevice {
    const device = this.#devices.get(id);
    if (device === undefined) throw new RangeError(`${id} is not in this scene`);
    return device;
  }

  /** What a party commits, sends and publishes, over all its starts. */
  deedsOf(party: Party): Deeds {
    return party === SERVER ? this.server.deeds : this.#deedsOfDevice(party);
  }

  /** Takes the power from a party: what it had not committed is gone, and nobody is told. */
  crash(party: Party): void {
    if (party === SERVER) return this.server.crash();
    this.#off.add(party);
    this.#powerCuts.get(party)?.();
  }

  /** Gives it back. */
  async revive(party: Party): Promise<void> {
    if (party === SERVER) this.server.restart();
    else await this.start(party);
  }

  /** Sets the wall clocks of all devices, now and at later starts. */
  setClocksAhead(ms: number): void {
    this.#clocksAheadMs = ms;
    for (const device of this.devices) device.setClockAhead(ms);
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const { device } of this.devices) await device.stop();
    await this.server.stop();
  }

  #enrol(id: EntityId): Promise<Uint8Array> {
    return BOBS.has(id) ? this.server.enrol(id, BOB, { services: [PN_GW_SERVICE] }) : this.server.enrol(id);
  }

  #deedsOfDevice(id: EntityId): Deeds {
    const deeds = this.#deeds.get(id) ?? new Deeds();
    this.#deeds.set(id, deeds);
    return deeds;
  }
}

/** Laptop (best suited), phone and board; the laptop is paired with both others, and all is at rest. */
export async function household(scene = new Scene()): Promise<Scene> {
  const laptop = await scene.start(LAPTOP_ID);
  const phone = await scene.start(PHONE_ID);
  const board = await scene.start(BOARD_ID);
  await pairByCode(scene.clock, laptop, phone);
  await pairByCode(scene.clock, laptop, board);
  await scene.clock.advance(5_000);
  return scene;
}

/** Laptop of one user, home and guest of another one; the guest is paired with both PN GWs, and all is at rest. */
export async function neighbours(scene = new Scene()): Promise<Scene> {
  const laptop = await scene.start(LAPTOP_ID);
  const home = await scene.start(HOME_ID);
  const guest = await scene.start(GUEST_ID);
  await pairByCode(scene.clock, home, guest);
  await pairByCode(scene.clock, laptop, guest);
  await scene.clock.advance(8_000);
  return scene;
}

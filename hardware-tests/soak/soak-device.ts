import { Device, type DeviceFacts, DeviceState, defaultSettings, MqttUplink, type ReceivedMessage, type Uplink } from '@cpns/agent';
import { type Clock, type Enrolment, type EntityId, type Logger, StoppableClock } from '@cpns/shared';
import { nativeProvider, systemEntropy } from '@cpns/shared/node';
import { euKeyPrk, rootFromPrk } from '@cpns/shared/security';
import { MemoryStore } from '@cpns/shared/testing';
import { NO_LIMIT } from '../benchmarks/household.js';
import type { Cable } from './cable.js';
import type { Room } from './room.js';

export interface SoakDeviceOptions {
  readonly enrolment: Enrolment;
  readonly facts: DeviceFacts;
  readonly room: Room;
  /** Absent: it does not reach the server by itself. */
  readonly cable?: Cable;
  readonly clock: Clock;
  readonly logger: Logger;
  received(message: ReceivedMessage): void;
}

/** A device of the product in this process: everything but its disk and its radio is real. It can be stopped, lose power and come back. */
export class SoakDevice {
  readonly #options: SoakDeviceOptions;
  #store = new MemoryStore();
  #running: Running | undefined;

  constructor(options: SoakDeviceOptions) {
    this.#options = options;
  }

  get id(): EntityId {
    return this.#options.enrolment.entityId;
  }

  /** Absent while it is off. */
  get device(): Device | undefined {
    return this.#running?.device;
  }

  /** On what was durable when it ended. */
  async start(): Promise<void> {
    const { enrolment, facts, room, cable, clock: time, logger } = this.#options;
    const clock = new StoppableClock(time);
    const state = new DeviceState(this.#store);
    const root = rootFromPrk(nativeProvider, euKeyPrk(nativeProvider, enrolment.euKey));
    const { entityId: id, serverId: idServer, subscription } = enrolment;
    const power = { on: true };
    const uplink = cable === undefined ? noUplink(clock) : this.#uplink(cable, root.kTls, clock);
    const device = new Device({
      identity: { id, root, idServer, subscription },
      provider: nativeProvider,
      clock,
      entropy: systemEntropy,
      logger,
      state,
      settings: { ...defaultSettings(), limits: { ...defaultSettings().limits, ...NO_LIMIT.agent }, consent: 'same-user' },
      facts,
      technologies: [room.technology(id)],
      uplink,
      bootCounter: await state.nextBootCounter(),
      happened: () => {},
      received: (message) => power.on && this.#options.received(message),
    });
    this.#running = { device, clock, uplink, power };
    await device.start();
  }

  /** Says goodbye to everybody. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.device.stop();
    running?.clock.stop();
  }

  /** Its power goes: nobody is told, and what was not durable is gone. */
  async cutPower(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.power.on = false;
    running.clock.stop();
    this.#store = this.#store.crash();
    this.#options.room.vanish(this.id);
    this.#options.cable?.cut();
    // What a process leaves behind when it ends: sockets that are closed.
    await Promise.allSettled([running.uplink.stop(), running.device.stop()]);
  }

  #uplink(cable: Cable, key: ConstructorParameters<typeof MqttUplink>[0]['identity']['key'], clock: Clock): Uplink {
    const { enrolment, logger } = this.#options;
    const identity = { entityId: enrolment.entityId, key };
    return new MqttUplink({ identity, resolve: async () => [cable.address], clock, entropy: systemEntropy, logger });
  }
}

interface Running {
  readonly device: Device;
  readonly clock: StoppableClock;
  readonly uplink: Uplink;
  /** Off: the person at the device hears nothing more of it. */
  readonly power: { on: boolean };
}

/** That of a device which needs a PN GW. */
function noUplink(clock: Clock): Uplink {
  return {
    start: () => {},
    publish: async () => {},
    probe: async () => ({ reachable: false, reason: 'This device has no network of its own.', atMonotonicMs: clock.monotonicMs() }),
    stop: async () => {},
  };
}

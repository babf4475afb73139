import { type Clock, CpnsError, describeError, type EntityId, type Logger } from '@cpns/shared';
import { type EuKeyRoot, eraseRoot } from '@cpns/shared/security';
import type { RunningDevice, UplinkView } from './control/device-control/control-context.js';
import type { Device } from './entity/device.js';
import type { PanTechnology } from './entity/pan-technology.js';
import type { DeviceFacts } from './entity/role-keeper.js';
import type { Uplink } from './entity/uplink-port.js';

/** What the device is and has is looked at again this often. */
const FACTS_EVERY_MS = 60_000;

/** A PAN technology in which a person can name a device by its address. */
export interface AddressedTechnology extends PanTechnology {
  /** Who is at an address, unproven. It is looked after from now on. @throws CpnsError Config, Transport, Timeout */
  visit(address: string, signal: AbortSignal): Promise<EntityId>;
  /** Looks after whoever is at an address, and there now. */
  addPeer(address: string): void;
}

export interface DeviceParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly device: Device;
  /** All of them, the local network included. */
  readonly technologies: readonly PanTechnology[];
  readonly lan: AddressedTechnology | undefined;
  readonly uplink: Uplink & UplinkView;
  /** What finds the server. */
  readonly discovery: { stop(): Promise<void> };
  readonly root: EuKeyRoot;
  /** What the device offers is looked at again; true: something is offered, or is not, that was otherwise before. */
  readonly contents?: { refresh(): Promise<boolean> };
  /** What the device was told about itself at first. */
  readonly facts: DeviceFacts;
  readFacts(): Promise<DeviceFacts>;
}

/** One device with the adapters under it, from its start to its stop. */
export class DeviceRun implements RunningDevice {
  readonly #parts: DeviceParts;
  readonly #ending = new AbortController();
  #cancelFacts = () => {};

  constructor(parts: DeviceParts) {
    this.#parts = parts;
  }

  get device(): Device {
    return this.#parts.device;
  }
  get technologies(): readonly PanTechnology[] {
    return this.#parts.technologies;
  }
  get uplink(): UplinkView {
    return this.#parts.uplink;
  }
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** @throws CpnsError Config/PortTaken and the other errors of the PAN technologies when none of them can start */
  async start(): Promise<void> {
    await this.#parts.device.start();
    this.#watchFacts(JSON.stringify(this.#parts.facts));
  }

  async stop(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(new CpnsError('State', 'Stopping', 'The agent is ending.'));
    this.#cancelFacts();
    const { device, uplink, discovery, root } = this.#parts;
    await device.stop();
    await Promise.all([uplink.stop(), discovery.stop()]);
    eraseRoot(root);
  }

  async visit(address: string, signal: AbortSignal): Promise<EntityId> {
    const { lan } = this.#parts;
    if (lan === undefined) throw new CpnsError('State', 'NoPan', 'The local network is switched off: set pan.lan.enabled to true.');
    return await lan.visit(address, signal);
  }

  addPeer(address: string): void {
    this.#parts.lan?.addPeer(address);
  }

  #watchFacts(known: string): void {
    const { clock, logger, device, readFacts, contents } = this.#parts;
    const look = async () => {
      let latest = known;
      try {
        const facts = await readFacts();
        latest = JSON.stringify(facts);
        if (latest !== known && !this.signal.aborted) device.factsChanged(facts);
        if ((await contents?.refresh()) && !this.signal.aborted) device.contentsChanged();
      } catch (error) {
        logger.warn('what this device is could not be read again', { why: describeError(error) });
      }
      if (!this.signal.aborted) this.#watchFacts(latest);
    };
    this.#cancelFacts = clock.after(FACTS_EVERY_MS, () => void look());
  }
}

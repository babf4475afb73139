import type { Clock, EntityId } from '@cpns/shared';
import type { Settings } from '../../config/settings.js';
import type { Device } from '../../entity/device.js';
import type { PanTechnology } from '../../entity/pan-technology.js';
import type { Reachability } from '../../entity/uplink-port.js';
import type { DoctorReport } from '../api/doctor.js';
import type { ResetResult } from '../api/lifecycle.js';
import type { HappeningFeed } from './happening-feed.js';
import type { LogMemory } from './log-memory.js';

/** The way to the server, as far as it is shown. */
export interface UplinkView {
  /** `host:port` in use or tried last. */
  readonly address: string | undefined;
  /** A connection to the server's broker stands. */
  readonly isConnected: boolean;
  /** Never throws. */
  probe(signal: AbortSignal): Promise<Reachability>;
}

/** A device that runs, with what stands around it. */
export interface RunningDevice {
  readonly device: Device;
  readonly technologies: readonly PanTechnology[];
  readonly uplink: UplinkView;
  /** Fires when this device ends: with the agent, or because a reset puts a fresh one in its place. */
  readonly signal: AbortSignal;
  /** Who is at `host:port`, unproven; it is looked after from now on. @throws CpnsError State/NoPan, Config, Transport, Timeout */
  visit(address: string, signal: AbortSignal): Promise<EntityId>;
  /** Looks after a device that may be at `host:port`, and there now. */
  addPeer(address: string): void;
}

/** What the control API works with. */
export interface ControlContext {
  readonly clock: Clock;
  readonly version: string;
  readonly name: string;
  readonly settings: Pick<Settings, 'allowUnprotectedPan' | 'requireForwardSecrecy' | 'consent' | 'limits'>;
  readonly startedAtMs: number;
  readonly feed: HappeningFeed;
  readonly logs: LogMemory;
  /** The device as it is now; a reset replaces it. */
  current(): RunningDevice;
  doctor(signal: AbortSignal): Promise<DoctorReport>;
  reset(everything: boolean): Promise<ResetResult>;
  stop(): void;
}

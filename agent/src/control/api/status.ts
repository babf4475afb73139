import type { CpnsId, EntityId, LinkType, ServerId } from '@cpns/shared';
import type { PnSummary } from './networks.js';

/** The mode as the seeds write it (shared: `modeName`). */
export type ModeName = 'unassigned' | 'PNE' | 'PN GW' | 'BOTH';

export interface ServerStatus {
  readonly id: ServerId;
  /** `host:port` in use or tried last; absent while none is known. */
  readonly address?: string;
  /** `unused`: this device reaches the server through its PN GW. */
  readonly uplink: 'connected' | 'connecting' | 'disconnected' | 'unused';
  /** Why not connected, in one sentence. */
  readonly reason?: string;
  /** Last try to reach the server with the own EUKey. */
  readonly probe?: { readonly reachable: boolean; readonly reason?: string; readonly ageMs: number };
  /** Own wall clock minus server time. */
  readonly clockOffsetMs?: number;
}

export interface PanStatus {
  readonly technology: LinkType;
  readonly state: 'running' | 'problem' | 'off';
  /** Where this device can be dialled. */
  readonly addresses: readonly string[];
  /** One sentence, with the cure. */
  readonly problem?: string;
}

export interface StatusReport {
  readonly id: EntityId;
  readonly name: string;
  readonly cpnsId?: CpnsId;
  readonly version: string;
  readonly uptimeMs: number;
  readonly mode: ModeName;
  /** The PN GW that this device uses; itself when it is one. */
  readonly gateway?: EntityId;
  /** Why this device, or nobody, is PN GW, in one sentence. */
  readonly modeReason: string;
  readonly server: ServerStatus;
  readonly pan: readonly PanStatus[];
  readonly pairingWindow?: { readonly closesInMs: number; readonly attemptsLeft: number };
  readonly peers: { readonly paired: number; readonly linked: number; readonly near: number };
  readonly pns: readonly PnSummary[];
  /** Requests that wait for a person's yes or no. */
  readonly consentsWaiting: number;
  readonly outbox: { readonly messages: number; readonly bytes: number };
  /** Sentences a person should read: a wrong clock, missing consent, an unprotected hop allowed. */
  readonly warnings: readonly string[];
}

export interface StatusControl {
  status(): Promise<StatusReport>;
}

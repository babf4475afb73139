import type { Clock, Entropy } from '@cpns/shared';
import type { RunningTime } from './running-time.js';
import type { Sqlite } from './sqlite.js';

/** What one entity, gateway or PN may fill, and for how long things are kept. Settings `limits` and `sessions` of the server. */
export interface InventoryLimits {
  readonly outboxMessagesPerEntity: number;
  readonly outboxOctetsPerEntity: number;
  /** Running time in milliseconds, like the next one. */
  readonly outboxKeptMs: number;
  readonly answersKeptMs: number;
  readonly pnsPerGateway: number;
  readonly membersPerPn: number;
  readonly groupsPerDevice: number;
  readonly membersPerGroup: number;
  readonly groupKeptMessagesPerGroup: number;
  readonly groupKeptOctetsPerGroup: number;
  readonly groupKeptCopiesPerGroup: number;
  readonly groupKeptMessagesPerMember: number;
  /** Running time in milliseconds. */
  readonly groupKeptMs: number;
}

/** What all parts of the inventory work with. */
export interface InventoryContext {
  readonly sqlite: Sqlite;
  readonly clock: Clock;
  readonly running: RunningTime;
  readonly entropy: Entropy;
  readonly limits: InventoryLimits;
  /** See `Tx.afterCommit`. */
  afterCommit(action: () => void): void;
  /** For what a transaction changes in memory: `undo` puts it back when nothing of the transaction is kept. The last one runs first. */
  onRollback(undo: () => void): void;
}

import type { KeyRows } from '../keys/key-rows.js';
import type { ChargingLog, ChargingReads } from './charging.js';
import type { DeviceReads, Devices } from './devices.js';
import type { EventReads, Events } from './events.js';
import type { CommitCounts } from './group-commit.js';
import type { GroupReads, Groups } from './groups.js';
import type { Inbox, InboxReads } from './inbox.js';
import type { KeptMessages, KeptReads } from './kept-messages.js';
import type { OpenInvitationReads, OpenInvitations } from './open-invitations.js';
import type { Outbox, OutboxReads } from './outbox.js';
import type { PnInventory, PnReads } from './pn-inventory.js';
import type { ReceivedDataLog, ReceivedDataReads } from './received-data.js';
import type { Records } from './records.js';
import type { UserReads, Users } from './users.js';
import type { WatchFeed } from './watch-feed.js';

/** Committed state. Reads are synchronous and cost microseconds. */
export interface Reads {
  readonly users: UserReads;
  readonly devices: DeviceReads;
  readonly keys: Pick<KeyRows, 'euKeyByKid' | 'activeEuKey' | 'serverIdentity'>;
  readonly pns: PnReads;
  readonly groups: GroupReads;
  readonly kept: KeptReads;
  readonly inbox: InboxReads;
  readonly outbox: OutboxReads;
  readonly receivedData: ReceivedDataReads;
  readonly events: EventReads;
  readonly charging: ChargingReads;
  readonly invitations: OpenInvitationReads;
}

/** Everything that a transaction may read and write. Valid inside its `work` only. */
export interface Tx {
  readonly users: Users;
  readonly devices: Devices;
  readonly keys: KeyRows;
  readonly pns: PnInventory;
  readonly groups: Groups;
  readonly kept: KeptMessages;
  readonly inbox: Inbox;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly receivedData: ReceivedDataLog;
  readonly events: Events;
  readonly charging: ChargingLog;
  readonly invitations: OpenInvitations;
  /** Runs `action` when the transaction is durable, before its promise resolves; never when it failed. */
  afterCommit(action: () => void): void;
}

/** The inventories of the CPNS Server. One process at a time has the file open. */
export interface Database {
  readonly reads: Reads;
  /** Key rows outside of any transaction: each write is durable when it returns. Inside `work` use `tx.keys`. */
  readonly keys: KeyRows;
  /** Data and events, as they become durable. */
  readonly feed: WatchFeed;
  /** Why the last commit failed, in one sentence; undefined when it went through. */
  readonly problem: string | undefined;
  /** How many transactions share a commit. */
  readonly counts: CommitCounts;
  /**
   * Runs `work` and resolves with its result once it is durable. Transactions of the same moment share one commit; each stands alone
   * all the same: what `work` throws undoes its own changes only and rejects the promise. `work` is synchronous and touches nothing
   * but `tx`; effects elsewhere belong behind the promise or in `tx.afterCommit`.
   * @throws CpnsError State/DiskFull, State/DatabaseFailed, State/DatabaseClosed: then nothing of it was kept
   */
  transact<T>(work: (tx: Tx) => T): Promise<T>;
  /** Finishes what was begun and closes the file. Harmless when repeated. */
  close(): Promise<void>;
}

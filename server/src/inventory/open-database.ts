import { closeSync, openSync } from 'node:fs';
import { type Clock, describeError, type Entropy, type Logger } from '@cpns/shared';
import { fileError, isDiskFull } from '@cpns/shared/node';
import { SqliteCharging } from './charging.js';
import type { InventoryContext, InventoryLimits } from './context.js';
import type { Database, Reads, Tx } from './database.js';
import { SqliteDevices } from './devices.js';
import { durableKeyRows, SqliteKeyRows } from './eukeys.js';
import { SqliteEvents } from './events.js';
import { GroupCommit } from './group-commit.js';
import { SqliteInbox } from './inbox.js';
import { SqliteKeptMessages } from './kept-messages.js';
import { migrate } from './migrations.js';
import { SqliteOpenInvitations } from './open-invitations.js';
import { SqliteOutbox } from './outbox.js';
import { SqliteReceivedData } from './received-data.js';
import { RamRecords } from './records.js';
import { RunningTime } from './running-time.js';
import { Sqlite } from './sqlite.js';
import { unreachable } from './sqlite-errors.js';
import { SqliteGroups } from './sqlite-groups.js';
import { SqlitePnInventory } from './sqlite-pn-inventory.js';
import { Upkeep } from './upkeep.js';
import { SqliteUsers } from './users.js';
import { WatchFeed } from './watch-feed.js';

export interface DatabaseOptions {
  /** File, or `:memory:`. */
  readonly path: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly limits: InventoryLimits;
  /** False: one commit for each transaction. Default true. */
  readonly grouped?: boolean;
}

/**
 * Opens the database, makes it when it is missing, and brings its tables to the present version.
 * @throws CpnsError State/DatabaseInUse, State/DatabaseCorrupt, State/DiskFull, Config/DatabaseUnreachable, Config/DatabaseForeign,
 * Config/DatabaseTooNew
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { path, clock, entropy, logger, limits } = options;
  if (path !== ':memory:') createPrivately(path);
  const sqlite = new Sqlite(path);
  try {
    migrate(sqlite);
  } catch (error) {
    sqlite.close();
    throw error;
  }
  const commits = new GroupCommit({ sqlite, clock, logger, grouped: options.grouped ?? true });
  const running = new RunningTime(sqlite, clock);
  const context: InventoryContext = {
    sqlite,
    clock,
    running,
    entropy,
    limits,
    afterCommit: (action) => commits.afterCommit(action),
    onRollback: (undo) => commits.onRollback(undo),
  };
  const feed = new WatchFeed();
  const inbox = new SqliteInbox(context);
  const receivedData = new SqliteReceivedData(context, feed);
  const devices = new SqliteDevices(context);
  const pns = new SqlitePnInventory(context);
  const keys = new SqliteKeyRows(sqlite);
  const kept = new SqliteKeptMessages(context);
  const tx: Tx = {
    users: new SqliteUsers(context, devices, pns),
    devices,
    keys,
    pns,
    groups: new SqliteGroups(context),
    kept,
    inbox,
    records: new RamRecords(context),
    outbox: new SqliteOutbox(context),
    receivedData,
    events: new SqliteEvents(context, feed),
    charging: new SqliteCharging(context),
    invitations: new SqliteOpenInvitations(context),
    afterCommit: context.afterCommit,
  };
  const reads: Reads = tx;

  const upkeep = new Upkeep({ clock, logger, running, inbox, receivedData, kept, transact: (work) => commits.run(work) });
  upkeep.start();

  let open = true;
  return {
    reads,
    keys: durableKeyRows(sqlite, keys),
    feed,
    get problem() {
      return commits.problem;
    },
    get counts() {
      return commits.counts;
    },
    transact: (work) => commits.run(() => work(tx)),
    async close() {
      if (!open) return;
      open = false;
      upkeep.stop();
      commits.close();
      try {
        sqlite.alone(() => running.save());
      } catch (error) {
        logger.warn('the running time could not be saved', { error: describeError(error) });
      } finally {
        sqlite.close();
      }
    },
  };
}

/** SQLite takes the mode of the main file over to its journals. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    throw isDiskFull(cause) ? fileError(cause, path) : unreachable(path, cause);
  }
}

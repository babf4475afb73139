import { CpnsError, type UserId } from '@cpns/shared';
import type { Subscription } from '@cpns/shared/messages';
import type { InventoryContext } from './context.js';
import type { SqliteDevices } from './devices.js';
import { ReadCache } from './read-cache.js';
import type { SqlitePnInventory } from './sqlite-pn-inventory.js';

/** A person or household. */
export interface UserRecord {
  readonly userId: UserId;
  readonly subscription: Subscription;
}

export interface UserReads {
  find(userId: UserId): UserRecord | undefined;
  /** By user id. */
  list(): readonly UserRecord[];
}

export interface Users extends UserReads {
  /** Adds a user with one subscription. @throws CpnsError State/DuplicateUser */
  add(userId: UserId, subscription: Pick<Subscription, 'services' | 'chargeable'>): UserRecord;
  /** Removes a user whose devices are all revoked; those go with him. @throws CpnsError State/UnknownUser, State/UserHasDevices */
  remove(userId: UserId): void;
}

interface JoinedRow {
  readonly user_id: UserId;
  readonly subscription_id: string;
  readonly services: string;
  readonly chargeable: number;
}

/** Users and their subscriptions in SQLite. */
export class SqliteUsers implements Users {
  readonly #context: InventoryContext;
  readonly #devices: SqliteDevices;
  readonly #pns: SqlitePnInventory;
  readonly #found: ReadCache<UserId, UserRecord>;

  constructor(context: InventoryContext, devices: SqliteDevices, pns: SqlitePnInventory) {
    this.#context = context;
    this.#devices = devices;
    this.#pns = pns;
    this.#found = new ReadCache(context.sqlite);
  }

  find(userId: UserId): UserRecord | undefined {
    return this.#found.get(userId, () => {
      const row = this.#context.sqlite.get<JoinedRow>(
        `SELECT user_id, subscription_id, services, chargeable FROM users JOIN subscriptions USING (user_id) WHERE user_id = ?`,
        userId,
      );
      return row && recordOf(row);
    });
  }

  list(): readonly UserRecord[] {
    const { sqlite } = this.#context;
    const query = sqlite.build
      .selectFrom('users')
      .innerJoin('subscriptions', 'subscriptions.user_id', 'users.user_id')
      .select(['users.user_id', 'subscription_id', 'services', 'chargeable'])
      .orderBy('users.user_id');
    return sqlite.select(query).map(recordOf);
  }

  add(userId: UserId, subscription: Pick<Subscription, 'services' | 'chargeable'>): UserRecord {
    const { sqlite, clock } = this.#context;
    if (this.find(userId) !== undefined) {
      throw new CpnsError('State', 'DuplicateUser', `There is a user "${userId}" already: choose another name.`);
    }
    sqlite.run('INSERT INTO users (user_id, added_ms) VALUES (?, ?)', userId, clock.wallMs());
    sqlite.run(
      'INSERT INTO subscriptions (subscription_id, user_id, services, chargeable) VALUES (?, ?, ?, ?)',
      `${userId}/1`,
      userId,
      JSON.stringify(subscription.services),
      subscription.chargeable ? 1 : 0,
    );
    return this.find(userId) as UserRecord;
  }

  remove(userId: UserId): void {
    const { sqlite } = this.#context;
    if (this.find(userId) === undefined) {
      throw new CpnsError('State', 'UnknownUser', `There is no user "${userId}": see "cpns-server user list".`);
    }
    if (sqlite.get('SELECT 1 FROM devices WHERE user_id = ? AND revoked = 0 LIMIT 1', userId) !== undefined) {
      throw new CpnsError('State', 'UserHasDevices', `User "${userId}" still has devices: revoke them first.`);
    }
    this.#pns.removeOf(userId);
    this.#devices.removeOf(userId);
    this.#found.changed(userId);
    sqlite.run('DELETE FROM users WHERE user_id = ?', userId);
  }
}

function recordOf(row: JoinedRow): UserRecord {
  return {
    userId: row.user_id,
    subscription: {
      subscriptionId: row.subscription_id,
      userId: row.user_id,
      services: JSON.parse(row.services) as string[],
      chargeable: row.chargeable === 1,
    },
  };
}

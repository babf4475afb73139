import { CpnsError, type UserId } from '@cpns/shared';
import type { Subscription } from '@cpns/shared/messages';
import type { InventoryContext } from './context.js';
import type { SqliteDevices } from './devices.js';
import { ReadCache } from './read-cache.js';
import type { SqlitePnInventory } from './sqlite-pn-inventory.js';

/**
 * May devices of other users, guests, come into the PNs of this user's PN GWs (protocol 0.15)? `ask`: when the PN GW invites them or its
 * owner, who is asked, says yes; `invited`: by an invitation of the PN GW only; `never`. An open invitation lets a guest in, but for `never`.
 */
export const GUEST_POLICIES = ['ask', 'invited', 'never'] as const;
export type GuestPolicy = (typeof GUEST_POLICIES)[number];

/**
 * May this user's devices be charged to him in PNs of other users (protocol 0.18)? `ask`: his PN GW is asked each time; `never`: no, and
 * nobody is asked.
 */
export const CHARGE_POLICIES = ['ask', 'never'] as const;
export type ChargePolicy = (typeof CHARGE_POLICIES)[number];

export interface UserPolicy {
  readonly guests: GuestPolicy;
  readonly chargeElsewhere: ChargePolicy;
}

/** What is to be different in a policy. */
export type PolicyChange = { readonly [Name in keyof UserPolicy]?: UserPolicy[Name] | undefined };

/** A person or household. */
export interface UserRecord {
  readonly userId: UserId;
  readonly subscription: Subscription;
  readonly policy: UserPolicy;
}

/** What is to be different in a subscription. */
export interface SubscriptionChange {
  readonly addServices?: readonly string[] | undefined;
  readonly removeServices?: readonly string[] | undefined;
  readonly chargeable?: boolean | undefined;
}

export interface UserReads {
  find(userId: UserId): UserRecord | undefined;
  /** By user id. */
  list(): readonly UserRecord[];
}

export interface Users extends UserReads {
  /** Adds a user with one subscription. @throws CpnsError State/DuplicateUser */
  add(userId: UserId, subscription: Pick<Subscription, 'services' | 'chargeable'>): UserRecord;
  /** @throws CpnsError State/UnknownUser, State/TooManyServices */
  changeSubscription(userId: UserId, change: SubscriptionChange): UserRecord;
  /** @throws CpnsError State/UnknownUser */
  setPolicy(userId: UserId, change: PolicyChange): UserRecord;
  /** Removes a user whose devices are all revoked; those go with him. @throws CpnsError State/UnknownUser, State/UserHasDevices */
  remove(userId: UserId): void;
}

/** As many as a message that tells of a subscription holds. */
const MAX_SERVICES = 32;
const COLUMNS = ['users.user_id', 'guests', 'charge_elsewhere', 'subscription_id', 'services', 'chargeable'] as const;

interface JoinedRow {
  readonly user_id: UserId;
  readonly guests: GuestPolicy;
  readonly charge_elsewhere: ChargePolicy;
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
        `SELECT ${COLUMNS.join(', ')} FROM users JOIN subscriptions USING (user_id) WHERE users.user_id = ?`,
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
      .select(COLUMNS)
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
    return this.#known(userId);
  }

  changeSubscription(userId: UserId, { addServices = [], removeServices = [], chargeable }: SubscriptionChange): UserRecord {
    const { subscription } = this.#known(userId);
    const services = [...new Set([...subscription.services, ...addServices])].filter((name) => !removeServices.includes(name));
    if (services.length > MAX_SERVICES) {
      const sentence = `A subscription has at most ${MAX_SERVICES} services: remove some from that of "${userId}".`;
      throw new CpnsError('State', 'TooManyServices', sentence);
    }
    this.#found.changed(userId);
    this.#context.sqlite.run(
      'UPDATE subscriptions SET services = ?, chargeable = ? WHERE user_id = ?',
      JSON.stringify(services),
      (chargeable ?? subscription.chargeable) ? 1 : 0,
      userId,
    );
    return this.#known(userId);
  }

  setPolicy(userId: UserId, change: PolicyChange): UserRecord {
    const { policy } = this.#known(userId);
    const { guests = policy.guests, chargeElsewhere = policy.chargeElsewhere } = change;
    this.#found.changed(userId);
    this.#context.sqlite.run('UPDATE users SET guests = ?, charge_elsewhere = ? WHERE user_id = ?', guests, chargeElsewhere, userId);
    return this.#known(userId);
  }

  remove(userId: UserId): void {
    const { sqlite } = this.#context;
    this.#known(userId);
    if (sqlite.get('SELECT 1 FROM devices WHERE user_id = ? AND revoked = 0 LIMIT 1', userId) !== undefined) {
      throw new CpnsError('State', 'UserHasDevices', `User "${userId}" still has devices: revoke them first.`);
    }
    this.#pns.removeOf(userId);
    this.#devices.removeOf(userId);
    this.#found.changed(userId);
    sqlite.run('DELETE FROM users WHERE user_id = ?', userId);
  }

  #known(userId: UserId): UserRecord {
    const user = this.find(userId);
    if (user === undefined) throw unknownUser(userId);
    return user;
  }
}

export function unknownUser(userId: UserId): CpnsError {
  return new CpnsError('State', 'UnknownUser', `There is no user "${userId}": see "cpns-server user list".`);
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
    policy: { guests: row.guests, chargeElsewhere: row.charge_elsewhere },
  };
}

import type { UserId } from '@cpns/shared';
import type { Subscription } from '@cpns/shared/messages';

/** A person or household. */
export interface UserRecord {
  readonly userId: UserId;
  /** Devices of an inactive user are refused (seed 002 steps 9 to 11). */
  readonly active: boolean;
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

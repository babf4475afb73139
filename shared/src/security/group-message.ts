import { KeyedMessages, type KeyedMessagesOptions } from './keyed-messages.js';
import { EXPAND } from './labels.js';
import { Secret } from './secret.js';

/** Most members of a service group, and so senders in one epoch of its key. */
const MEMBERS_MAX = 65_536;

/** The Group Key of a service group (seed 000): the PN GW relays what is under it and cannot read it. */
export class GroupKey extends Secret {
  /** Keeps PN keys and Group Keys apart for the compiler. */
  declare protected readonly scope: 'SG';
}

/** Messages among the members of a service group under the Group Key. `sgId`: 16 raw octets. */
export class GroupMessages extends KeyedMessages<GroupKey> {
  constructor(sgId: Uint8Array, options: KeyedMessagesOptions<GroupKey>) {
    super(EXPAND.groupMessage, sgId, MEMBERS_MAX, options);
  }
}

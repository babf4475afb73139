import { KeyedMessages, type KeyedMessagesOptions } from './keyed-messages.js';
import { EXPAND } from './labels.js';
import { Secret } from './secret.js';

/** Most members of a PN, and so senders in one epoch of its key. */
const MEMBERS_MAX = 1000;

/** The key of a PN (seed 002 steps 22 to 24): made by the server, handed out by the PN GW, who can read what is under it. */
export class PnKey extends Secret {
  /** Keeps PN keys and Group Keys apart for the compiler. */
  declare protected readonly scope: 'PN';
}

/** Messages among the members of a PN under the PN key. `pnId`: 16 raw octets. */
export class PnMessages extends KeyedMessages<PnKey> {
  constructor(pnId: Uint8Array, options: KeyedMessagesOptions<PnKey>) {
    super(EXPAND.pnMessage, pnId, MEMBERS_MAX, options);
  }
}

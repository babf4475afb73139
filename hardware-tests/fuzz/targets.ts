import type { FuzzTarget } from './target.js';
import { addresses } from './targets/addresses.js';
import { cbor } from './targets/cbor.js';
import { enrolmentCode } from './targets/enrolment-code.js';
import { messages } from './targets/messages.js';
import { pairingLink } from './targets/pairing-link.js';

/** Everything that reads octets of strangers. */
export const TARGETS: readonly FuzzTarget[] = [cbor, messages, enrolmentCode, pairingLink, addresses];

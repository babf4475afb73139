import type { FuzzTarget } from './target.js';
import { addresses } from './targets/addresses.js';
import { adminApi } from './targets/admin-api.js';
import { announcement } from './targets/announcement.js';
import { cbor } from './targets/cbor.js';
import { controlLines } from './targets/control-lines.js';
import { enrolmentCode } from './targets/enrolment-code.js';
import { groupMessage, pnMessage } from './targets/keyed-message.js';
import { linkDoor } from './targets/link-door.js';
import { mdns } from './targets/mdns.js';
import { messages } from './targets/messages.js';
import { mqttFrames } from './targets/mqtt-frames.js';
import { linkRecord, panRecord } from './targets/ordered-record.js';
import { pairingLink } from './targets/pairing-link.js';
import { parts } from './targets/parts.js';
import { rekeyPart, rekeyReader } from './targets/rekey-part.js';
import { bleAdvertisement, segments } from './targets/segments.js';
import { serverDoor } from './targets/server-door.js';
import { settings } from './targets/settings.js';
import { skOpener, skRecord } from './targets/sk-record.js';
import { stateFile } from './targets/state-file.js';
import { topics } from './targets/topics.js';

/** Everything that reads octets of strangers. */
export const TARGETS: readonly FuzzTarget[] = [
  ...[cbor, messages],
  ...[linkRecord, panRecord, skRecord, skOpener, parts, pnMessage, groupMessage, rekeyPart, rekeyReader],
  ...[mdns, linkDoor, announcement, enrolmentCode, pairingLink, addresses],
  ...[segments, bleAdvertisement],
  ...[mqttFrames, topics, serverDoor, adminApi],
  ...[controlLines, settings, stateFile],
];

import { decodeBase32, encodeBase32 } from './base32.js';
import { CpnsError } from './errors.js';
import { isHostPort } from './host-port.js';
import type { EntityId, ServerId } from './ids.js';
import { entityIdField, serverIdField } from './messages/fields.js';
import { fromOctets, toOctets } from './messages/octets.js';
import { bytes, field, struct, text } from './messages/schema.js';
import { type Subscription, subscription } from './messages/subscription.js';
import type { CryptoProvider } from './ports.js';
import { Secret } from './security/secret.js';

/** What a device is given at enrolment (protocol c, provisioning). */
export interface Enrolment {
  readonly entityId: EntityId;
  /** 32 octets. */
  readonly euKey: Secret;
  /** Where the server is, `HOST:PORT` or `[IPv6]:PORT`. */
  readonly server: string;
  /** ID_S: the server that the device will accept. */
  readonly serverId: ServerId;
  readonly subscription: Subscription;
}

const PREFIX = 'CPNS1-';
/** The prefix when case, spaces and dashes are gone. */
const BARE_PREFIX = 'CPNS1';
const CHECKSUM_OCTETS = 4;
const LONGEST_ADDRESS = 262;
/** Longest code that is looked at, with all the spaces and dashes that people may put into it. */
const LONGEST_TEXT = 8192;
/** Largest content: all fields at their bounds. */
const MOST_OCTETS = 2048;

const content = struct({
  entityId: field(1, entityIdField),
  euKey: field(2, bytes(32)),
  server: field(
    3,
    text(LONGEST_ADDRESS, (value): value is string => isHostPort(value), 'HOST:PORT'),
  ),
  serverId: field(4, serverIdField),
  subscription: field(5, subscription),
});

/**
 * The enrolment code (protocol 0.27): `CPNS1-` and Crockford base32 of deterministic CBOR, followed by the first 4 octets of its SHA-256.
 * It holds the EUKey: show it once, log it never.
 * @throws CpnsError Internal/BadField when a value is out of bounds
 */
export function encodeEnrolment(provider: Pick<CryptoProvider, 'sha256'>, enrolment: Enrolment): string {
  const octets = toOctets(content, { ...enrolment, euKey: enrolment.euKey.reveal() });
  const checked = new Uint8Array(octets.length + CHECKSUM_OCTETS);
  checked.set(octets);
  checked.set(provider.sha256(octets).subarray(0, CHECKSUM_OCTETS), octets.length);
  const code = PREFIX + encodeBase32(checked);
  octets.fill(0);
  checked.fill(0);
  return code;
}

/**
 * Reads an enrolment code as people type and paste it: case, white space and dashes do not matter, O is 0, I and L are 1.
 * @throws CpnsError Config/EnrolmentFormat, Config/EnrolmentVersion, Config/EnrolmentChecksum
 */
export function decodeEnrolment(provider: Pick<CryptoProvider, 'sha256'>, code: string): Enrolment {
  if (code.length > LONGEST_TEXT) throw badFormat('it is far too long');
  const bare = code
    .replace(/[\s-]/g, '')
    .toUpperCase()
    .replace(/^CPNS[IL]/, BARE_PREFIX);
  if (!bare.startsWith(BARE_PREFIX)) throw /^CPNS[0-9]/.test(bare) ? badVersion() : badFormat(`it does not begin with ${PREFIX}`);
  const checked = decodeBase32(bare.slice(BARE_PREFIX.length));
  // A character that is none of base32 and a changed one are the same to a person: a typing error.
  if (checked === undefined || checked.length <= CHECKSUM_OCTETS) throw badChecksum();
  if (checked.length > MOST_OCTETS + CHECKSUM_OCTETS) throw badFormat('it is too long');
  const octets = checked.subarray(0, -CHECKSUM_OCTETS);
  const checksum = provider.sha256(octets).subarray(0, CHECKSUM_OCTETS);
  if (checksum.some((octet, i) => octet !== checked[octets.length + i])) throw badChecksum();
  try {
    const { euKey, ...rest } = fromOctets(content, octets, 'The enrolment code');
    return { ...rest, euKey: Secret.take('EUKey', euKey) };
  } catch (cause) {
    throw badFormat('it was made by something else', cause);
  } finally {
    checked.fill(0);
  }
}

function badFormat(detail: string, cause?: unknown): CpnsError {
  const sentence = `This is not an enrolment code: ${detail}. Copy the whole code that "cpns-server device add" showed.`;
  return new CpnsError('Config', 'EnrolmentFormat', sentence, { cause });
}

function badVersion(): CpnsError {
  return new CpnsError('Config', 'EnrolmentVersion', 'This enrolment code is of another version: update this program, or the server.');
}

function badChecksum(): CpnsError {
  return new CpnsError('Config', 'EnrolmentChecksum', 'The enrolment code has a typing error or is incomplete: compare it and try again.');
}

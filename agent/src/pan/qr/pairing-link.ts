import { CpnsError, type EntityId, isHostPort } from '@cpns/shared';
import { bytes, entityIdField, field, fromOctets, list, struct, text, toOctets } from '@cpns/shared/messages';
import { type PairingLink, Secret, TOKEN_LENGTH } from '@cpns/shared/security';

/** What a pairing link says. */
export interface PairingLinkContent {
  /** ID_B: the device that shows it. */
  readonly peer: EntityId;
  /** Where it can be dialled, `host:port`, best first; 1 to 8. */
  readonly addresses: readonly string[];
  readonly link: PairingLink;
}

const LONGEST_TEXT = 2_048;
const MAX_ADDRESSES = 8;
const LONGEST_ADDRESS = 262;
const HASH_LENGTH = 32;
const FORM = /^http:\/\/[^/?#\s]{3,262}\/p#([A-Za-z0-9_-]{1,2000})$/;

const isAddress = (value: string): value is string => isHostPort(value);
const content = struct({
  peer: field(1, entityIdField),
  addresses: field(2, list(text(LONGEST_ADDRESS, isAddress, 'HOST:PORT'), MAX_ADDRESSES, 1)),
  pkHash: field(3, bytes(HASH_LENGTH)),
  token: field(4, bytes(TOKEN_LENGTH)),
});

/**
 * The text of a pairing link (protocol 0.27): `http://HOST:PORT/p#` and base64url of deterministic CBOR. Everything that is secret stands
 * behind the `#`, which no browser sends.
 * @throws CpnsError Internal/BadField without an address, or with more than 8
 */
export function writePairingLink({ peer, addresses, link }: PairingLinkContent): string {
  const octets = toOctets(content, { peer, addresses, pkHash: link.pkHash, token: link.token.reveal() });
  const encoded = Buffer.from(octets).toString('base64url');
  octets.fill(0);
  return `http://${addresses[0]}/p#${encoded}`;
}

/** Reads what a person copied or scanned. The caller erases the token. @throws CpnsError Config/BadPairingLink */
export function readPairingLink(given: string): PairingLinkContent {
  const encoded = given.length > LONGEST_TEXT ? undefined : FORM.exec(given.trim())?.[1];
  if (encoded === undefined) throw bad('it does not look like one');
  const octets = new Uint8Array(Buffer.from(encoded, 'base64url'));
  // Decoders pass over stray bits and characters at the end; a text that was cut there is none of ours.
  if (Buffer.from(octets).toString('base64url') !== encoded) throw bad('a part is missing');
  try {
    const { peer, addresses, pkHash, token } = fromOctets(content, octets, 'The pairing link');
    return { peer, addresses, link: { pkHash: pkHash.slice(), token: Secret.take('pairing token', token) } };
  } catch (cause) {
    throw bad('a part is missing or was changed', cause);
  } finally {
    octets.fill(0);
  }
}

function bad(detail: string, cause?: unknown): CpnsError {
  const sentence = `This is not a whole pairing link: ${detail}. Copy it from the other device again, with everything behind the "#".`;
  return new CpnsError('Config', 'BadPairingLink', sentence, { cause });
}

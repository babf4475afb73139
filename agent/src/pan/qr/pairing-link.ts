import { CpnsError, type EntityId, isEntityId, isHostPort } from '@cpns/shared';
import { bytes, decodeCbor, encodeCbor, entityIdField, field, list, struct, text } from '@cpns/shared/messages';
import { type PairingLink, Secret } from '@cpns/shared/security';

/** A pairing link as its text carries it. */
export interface PairingLinkContent extends PairingLink {
  /** ID_B: the device that shows it. */
  readonly peer: EntityId;
  /** `host:port`, best first. */
  readonly addresses: readonly string[];
}

const MAX_TEXT = 2_048;
const isAddress = (value: string): value is string => isHostPort(value);
const content = struct({
  peer: field(1, entityIdField),
  addresses: field(2, list(text(300, isAddress, 'host:port'), 8, 1)),
  pkHash: field(3, bytes(32)),
  token: field(4, bytes(16)),
});

/** `http://HOST:PORT/p#...`: what is secret stands behind the `#`, which no browser sends (protocol 0.27). */
export function writePairingLink(link: PairingLinkContent): string {
  const octets = encodeCbor(
    content.encode({ peer: link.peer, addresses: link.addresses.slice(0, 8), pkHash: link.pkHash, token: link.token.reveal() }),
  );
  return `http://${link.addresses[0]}/p#${Buffer.from(octets).toString('base64url')}`;
}

/** True for anything that looks like a pairing link rather than a device. */
export function isPairingLink(given: string): boolean {
  return /^https?:\/\//i.test(given.trim());
}

/** @throws CpnsError Config/BadPairingLink */
export function readPairingLink(given: string): PairingLinkContent {
  const trimmed = given.trim();
  const encoded = /^http:\/\/[^\s#]{1,300}\/p#([A-Za-z0-9_-]+)$/.exec(trimmed.length <= MAX_TEXT ? trimmed : '')?.[1];
  if (encoded === undefined) throw bad();
  try {
    const { peer, addresses, pkHash, token } = content.decode(decodeCbor(new Uint8Array(Buffer.from(encoded, 'base64url'))), 'the link');
    if (!isEntityId(peer)) throw bad();
    return { peer, addresses, pkHash, token: Secret.take('pairing token', token.slice()) };
  } catch (cause) {
    throw bad(cause);
  }
}

function bad(cause?: unknown): CpnsError {
  const sentence = 'This is not a whole pairing link: copy it from the other device again, with everything behind the "#".';
  return new CpnsError('Config', 'BadPairingLink', sentence, cause === undefined ? {} : { cause });
}

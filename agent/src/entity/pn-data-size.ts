import { CpnsError, type EntityId, entityId } from '@cpns/shared';
import { type ApplicationData, encodeEnvelope, MAX_PAN_ENVELOPE, pnData, pnDataContent, sgData, toOctets } from '@cpns/shared/messages';
import { MESSAGE_CONTENT_MAX, MESSAGE_MAX } from '@cpns/shared/security';

/** Header and tag of a message under a PN key, at most. */
const SEALING_OCTETS = MESSAGE_MAX - MESSAGE_CONTENT_MAX;
/** CBOR needs two octets more to say the length of a large message than that of one octet. */
const LARGE_LENGTH_OCTETS = 2;
const LONGEST_ENTITY_ID = entityId('x'.repeat(32));

/**
 * Looks whether data for another entity fits into one envelope of a PAN hop: payload and names share its 16,384 octets. The PN GW passes
 * the message on in an envelope of its own.
 * @throws CpnsError State/MessageTooLarge, which says by how much
 */
export function requireFitsPnData(message: ApplicationData, to: EntityId, gateway: EntityId): void {
  const body = { pnId: new Uint8Array(16), from: message.from, to, message: new Uint8Array(1) };
  const sender = gateway.length > message.from.length ? gateway : message.from;
  requireFits(message, encodeEnvelope(pnData, new Uint8Array(16), sender, body).length);
}

/** The same for data to a service group, which may pass PN GWs that this device does not know. @throws CpnsError State/MessageTooLarge */
export function requireFitsSgData(message: ApplicationData): void {
  const body = { sgId: new Uint8Array(16), from: message.from, message: new Uint8Array(1) };
  requireFits(message, encodeEnvelope(sgData, new Uint8Array(16), LONGEST_ENTITY_ID, body).length);
}

/** `empty`: octets of the envelope with one octet of content. */
function requireFits(message: ApplicationData, empty: number): void {
  const content = toOctets(pnDataContent, { data: message }).length;
  const around = empty - 1 + LARGE_LENGTH_OCTETS;
  const over = around + SEALING_OCTETS + content - MAX_PAN_ENVELOPE;
  if (over <= 0) return;
  throw new CpnsError(
    'State',
    'MessageTooLarge',
    `The message is ${over} octets too long for one to another device: its channel, content type and device names count too. Send it in parts.`,
  );
}

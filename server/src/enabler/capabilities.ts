import type { EntityId, PnId } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  capabilitiesConfirmation,
  type capabilitiesUpdate,
  contents,
  decodeCapabilities,
  type Envelope,
  encodeEnvelope,
  fromOctets,
  Status,
  statusManagementRequest,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { TRANSACTION_OCTETS } from './downlink.js';
import type { Incoming } from './incoming.js';
import { announce } from './notices.js';
import type { Session } from './session.js';
import { memberOf } from './views.js';

/** A device says what it can do (seed 002 figure 2, steps 12 to 16; protocol 0.19). */
export async function updateCapabilities(context: EnablerContext, incoming: Incoming<BodyOf<typeof capabilitiesUpdate>>): Promise<void> {
  const { limits } = context;
  const { session, sender, body } = incoming;

  // 12. PN GW to CPNS Server: Device Capabilities Update (Device Capabilities)
  decodeCapabilities(body.capabilities);
  if (body.contents !== undefined) fromOctets(contents, body.contents, 'contents');
  limits.request(sender);
  await incoming.change((tx) => {
    tx.devices.report(sender, body.capabilities);
    if (session !== undefined && session.pnId !== '' && body.contents !== undefined)
      offer(context, tx, session.pnId, sender, body.contents);
  });

  // 13. CPNS Server to PN GW: Device Capabilities confirmation (Device Capabilities)
  await incoming.answer(capabilitiesConfirmation, { status: Status.Success });

  // 14. CPNS Server to PN GW: Status Management update request (Status Management)
  if (session?.own) askStatus(context, session);
}

/** What a member offers goes into the PN Inventory, and to everybody who has a copy. Undefined: it is no member. */
export function offer(context: EnablerContext, tx: Tx, pnId: PnId, pne: EntityId, octets: Uint8Array): PnRecord | undefined {
  const member = tx.pns.member(pnId, pne);
  const before = tx.pns.find(pnId);
  if (member === undefined || before === undefined) return undefined;
  const pn = tx.pns.setContents(pnId, pne, octets);
  if (pn.version !== before.version) announce(context, tx, pn, { add: [memberOf({ ...member, contents: octets })] }, true);
  return pn;
}

function askStatus(context: EnablerContext, session: Session): void {
  const transaction = context.entropy.bytes(TRANSACTION_OCTETS);
  session.statusAsked = toHex(transaction);
  void context.downlink.send(session, encodeEnvelope(statusManagementRequest, transaction, '', {}));
}

/** 16. PN GW to CPNS Server: Status Management response (Status Management) */
export async function statusReported(context: EnablerContext, session: Session, envelope: Envelope): Promise<void> {
  const { changed, capabilities } = bodyOf(envelope, statusManagementResponse);
  if (session.statusAsked !== toHex(envelope.transaction)) return;
  session.statusAsked = undefined;
  if (!changed || capabilities === undefined) return;
  decodeCapabilities(capabilities);
  await context.inventory.transact((tx) => tx.devices.report(session.entityId, capabilities));
}

import { CpnsError, type EntityId, entityId } from '@cpns/shared';
import { Addressee, type BodyOf, data, dataAnswer, encodeEnvelope, Status, statusSentence } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { OutgoingData, SendResult } from '../api/admin-port.js';
import type { EnablerContext } from './context.js';
import { TRANSACTION_OCTETS } from './downlink.js';
import type { Incoming } from './incoming.js';
import { refuse } from './refusals.js';

/** Sender of data that comes from the server's services. */
const SERVER_AS_SENDER = entityId('server');
const MESSAGE_ID_OCTETS = 16;

/** Data of a device for the server's services (protocol 0.23): stored, then answered; a duplicate is answered again and shown once. */
export async function receiveData(_context: EnablerContext, incoming: Incoming<BodyOf<typeof data>>): Promise<void> {
  const { id, from, to, channel, contentType, payload } = incoming.body.data;
  if (from !== incoming.sender) throw refuse(Status.BadMessage, 'WrongSender', `${incoming.sender} sent data in the name of ${from}.`);
  if (to !== Addressee.Server) throw refuse(Status.BadAction, 'WrongAddressee', 'Data for others does not go through the server.');
  await incoming.change((tx) => tx.receivedData.store({ messageId: id, from, channel, contentType, payload }));
  await incoming.answer(dataAnswer, { receipt: { id, status: Status.Success } });
}

/**
 * Data of the server's services for a device: durable in the outbox, then under way until the device answers that it stored it.
 * @throws CpnsError State/UnknownDevice, State/OutboxFull, State/NoSession, State/MessageRefused, State/MessageGone
 */
export async function sendData(context: EnablerContext, outgoing: OutgoingData, waitMs: number): Promise<SendResult> {
  const { inventory, entropy, outbox } = context;
  const { to, channel, contentType, payload } = outgoing;
  const id = entropy.bytes(MESSAGE_ID_OCTETS);
  const transaction = entropy.bytes(TRANSACTION_OCTETS);
  const message = { id, from: SERVER_AS_SENDER, to: Addressee.Entity, entity: to, channel, contentType, payload };
  const octets = encodeEnvelope(data, transaction, '', { data: message });
  await inventory.transact((tx) => {
    if (tx.devices.find(to)?.state !== 'active') {
      throw refuse(Status.UnknownPne, 'UnknownDevice', `There is no active device "${to}": see "cpns-server device list".`);
    }
    requireWay(context, tx, to);
    tx.outbox.add({ to, pnId: undefined, number: data.number, transaction, octets });
  });
  const answered = outbox.wait(to, transaction, waitMs);
  outbox.flush(to);
  const outcome = await answered;
  const messageId = toHex(id);
  if (outcome === Status.Success) return { messageId, state: 'delivered' };
  if (outcome === 'waiting') return { messageId, state: 'queued' };
  if (outcome === 'gone') throw new CpnsError('State', 'MessageGone', `"${to}" was revoked before it took the message.`);
  throw new CpnsError('State', 'MessageRefused', `"${to}" refused the message: ${statusSentence(outcome)}.`);
}

/** A device that is in no PN and never was a PN GW would not be reached by waiting either. */
function requireWay(context: EnablerContext, { pns }: Pick<EnablerContext['inventory']['reads'], 'pns'>, to: EntityId): void {
  if (context.sessions.currentOf(to).length > 0 || pns.ofMember(to).length > 0 || pns.ofGateway(to).length > 0) return;
  throw refuse(Status.PeerUnreachable, 'NoSession', `There is no way to "${to}": it is in no personal network and not connected as PN GW.`);
}

import { type AnswerOf, CpnsError, type PnId, toCpnsError } from '@cpns/shared';
import type { AnyMessage, BodyOf } from '@cpns/shared/messages';
import { PnRole } from '../entity/device-state.js';
import type { Hop } from '../entity/peer-link.js';
import { forgetPn } from './accept.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';

/**
 * Asks the PN GW of a PN for something, under SK_L, so that its answer counts (protocol 0.14).
 * @throws CpnsError State/UnknownPn, State/NoGateway, State/Refused, Timeout, Transport
 */
export async function askGateway<M extends AnyMessage, A extends AnyMessage>(
  context: PneContext,
  pnId: PnId,
  type: M,
  body: BodyOf<M>,
  answer: A,
): Promise<AnswerOf<A, Hop>> {
  const record = context.state.pn(pnId);
  if (record?.role !== PnRole.Pne)
    throw new CpnsError('State', 'UnknownPn', `This device is no PNE of personal network ${pnId}: see "cpns-agent pn show".`);
  const link = context.linkTo(record.gateway);
  if (!link?.hasPan(pnId) && !(link && context.settings.allowUnprotectedPan)) {
    const sentence = `The PN GW ${record.gateway} is not linked now: try again when it is near.`;
    throw new CpnsError('State', 'NoGateway', sentence, { retryable: true });
  }
  return link.exchange.request(type, body, [answer], link.hopOf(pnId), { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal });
}

/**
 * Asks for something that ends this device's part in a PN, and forgets the PN when `ask` says that it is over. Whoever was told meanwhile
 * that it is out has what it wanted.
 * @throws what `ask` throws; CpnsError Transport/OutcomeUnknown: the PN GW was lost before it answered
 */
export async function endPn(context: PneContext, pnId: PnId, ask: () => Promise<boolean>): Promise<void> {
  try {
    if (await ask()) await context.settling.run(pnId, () => forgetPn(context, pnId));
  } catch (error) {
    const cause = toCpnsError(error);
    if (cause.code !== 'UnknownPn' && context.state.pn(pnId) === undefined) return;
    if (cause.family !== 'Transport' && cause.family !== 'Timeout') throw cause;
    const sentence =
      'The PN GW or the CPNS Server was lost before it answered: once it is back, "cpns-agent pn show" tells what became of the personal network.';
    throw new CpnsError('Transport', 'OutcomeUnknown', sentence, { cause });
  }
}

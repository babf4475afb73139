import { type AnswerOf, CpnsError, toCpnsError } from '@cpns/shared';
import { type AnyMessage, type BodyOf, Status } from '@cpns/shared/messages';
import type { GatewayContext } from './gateway-context.js';

/**
 * Asks the server for what cannot be taken back: where it is lost before it answers, nobody can know whether it was done, and its
 * record tells when it is back.
 * @throws CpnsError State/Refused, Transport/ServerUnreachable: it was not asked; Transport/OutcomeUnknown
 */
export async function askServer<M extends AnyMessage, A extends AnyMessage>(
  context: GatewayContext,
  type: M,
  body: BodyOf<M>,
  answer: A,
  signal?: AbortSignal,
): Promise<AnswerOf<A, 'sk'>> {
  const server = context.server();
  try {
    return await server.request(type, body, [answer], { signal });
  } catch (error) {
    const cause = toCpnsError(error);
    if (cause.family !== 'Transport' && cause.family !== 'Timeout') throw cause;
    // It may never have heard of it: its record is compared as soon as it is there.
    context.clock.after(0, () => context.compare());
    const sentence = 'The CPNS Server was lost before it answered: once it is back, "cpns-agent pn show" tells what became of it.';
    throw new CpnsError('Transport', 'OutcomeUnknown', sentence, { status: Status.Timeout, cause });
  }
}

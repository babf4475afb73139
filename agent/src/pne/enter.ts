import { CpnsError, deadline, type PnId, refused } from '@cpns/shared';
import { type Hello, RequestFlow, Status } from '@cpns/shared/messages';
import type { PnRecord } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';
import { acceptConfirmation, type Confirmation } from './accept.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';
import { abandonRun, beginRun, outcomeOf } from './run.js';

/** How a PNE asks for a run in a PN that stands. */
export interface Entrance {
  readonly flow: RequestFlow;
  /** What its end is called in the sentence of a refusal. */
  readonly what: string;
  readonly limitMs: number;
  readonly tooLate: string;
  /** Sends the hello and waits for the end of the run. */
  ask(
    hello: Hello,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Confirmation & { readonly status: Status }>;
}

/**
 * One run with a PN GW for a PN that stands: the hello goes, the challenge is answered meanwhile, the server's word is verified and
 * kept. Failed, nothing of it is kept.
 * @throws CpnsError State/Refused, State/NotInPn, State/SetupBusy, Auth, Timeout, Transport; Transport/OutcomeUnknown
 */
export async function enter(context: PneContext, link: PeerLink, pnId: PnId, entrance: Entrance, signal: AbortSignal): Promise<PnRecord> {
  const run = beginRun(context, link, pnId, { flow: entrance.flow });
  const limit = deadline(context.clock, entrance.limitMs, signal, entrance.tooLate);
  try {
    context.runs.add(pnId, run);
    const body = await entrance.ask(run.handshake.hello, { timeoutMs: HOP_TIMEOUT_MS, signal: limit.signal });
    if (body.status !== Status.Success) throw refused(body.status, entrance.what);
    return await context.settling.run(pnId, () => acceptConfirmation(context, pnId, run, body));
  } catch (error) {
    // A member that registers by itself tries again, whatever became of it; a person wants to know.
    const cause = entrance.flow === RequestFlow.RegisterMember ? error : outcomeOf(error, run);
    if (context.runs.get(pnId, link) === run) abandonRun(context, pnId, link);
    throw cause;
  } finally {
    limit.done();
  }
}

/** @throws CpnsError State/AlreadyMember, State/TooManyPns */
export function requireRoom({ state, settings }: PneContext, pnId: PnId): void {
  if (state.pn(pnId) !== undefined)
    throw new CpnsError('State', 'AlreadyMember', 'This device is in that personal network already.', { status: Status.AlreadyMember });
  if (state.pns().length >= settings.limits.pns)
    throw new CpnsError(
      'State',
      'TooManyPns',
      `This device is in ${settings.limits.pns} personal networks, as many as it may be (limits.pns).`,
      {
        status: Status.Busy,
      },
    );
}

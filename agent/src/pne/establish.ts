import { CpnsError, deadline, describeError, type PnId, toCpnsError } from '@cpns/shared';
import {
  pneConnectionSetupConfirmation,
  pneConnectionSetupRequest,
  pnSetupRequest,
  pnSetupResponse,
  RequestFlow,
  Status,
  statusSentence,
} from '@cpns/shared/messages';
import { pnIdText } from '../entity/device-state.js';
import { LINK, type PeerLink } from '../entity/peer-link.js';
import { type Established, SETUP_LIMIT_MS, SETUP_TYPES, type Setup, type SetupProgress } from '../entity/setup.js';
import { acceptConfirmation } from './accept.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';
import { abandonRun, beginRun, outcomeOf } from './run.js';

/**
 * PN establishment initiated by this PNE (seed 003 figure 10, with seed 002 steps 18 and 24 to 26). Failed or aborted, nothing of it is
 * kept; but where the PN GW is lost after this PNE has proven itself, the PN may stand all the same, and comes back with the gateway.
 * @throws CpnsError Auth, State/Refused, Timeout, Transport; Transport/OutcomeUnknown
 */
export async function establish(
  context: PneContext,
  link: PeerLink,
  setup: Setup,
  progress: SetupProgress,
  signal: AbortSignal,
): Promise<Established> {
  const { clock, entropy } = context;
  const { exchange } = link;
  const opened = beginRun(context, link, undefined, {
    flow: RequestFlow.Setup,
    setupType: SETUP_TYPES[setup.type],
    ...(setup.type === 'named' && { named: setup.pnes }),
    consent: true,
  });
  const limit = deadline(clock, SETUP_LIMIT_MS, signal, 'The personal network was not set up in time: try again.');
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: limit.signal };
  let pnId: PnId | undefined;

  // 18. PNE to PN GW: Connection setup request; its answer is step 26
  const connection = exchange.request(pneConnectionSetupRequest, {}, [pneConnectionSetupConfirmation], LINK, options);
  connection.catch(() => undefined);
  const transaction = entropy.bytes(16);
  try {
    // 1. PN Setup Request
    progress(1, `Asking ${link.peer} for a personal network`);
    const startedMs = clock.monotonicMs();
    context.acks.expect(transaction, link, (id) => {
      try {
        context.runs.add(id, opened);
      } catch (error) {
        return limit.abort(toCpnsError(error));
      }
      pnId = id;
      progress(2, 'The PN GW asks the others and registers the network');
    });
    const setupRequest = { hello: opened.handshake.hello };
    const answer = await exchange.request(pnSetupRequest, setupRequest, [pnSetupResponse], LINK, { ...options, transaction });

    // 14. PN Setup Response: the server is verified, the PN Inventory stored
    progress(3, 'Verifying the server');
    const { body } = answer;
    const established = pnId;
    if (established === undefined || pnIdText(body.pnId) !== established)
      throw new CpnsError('Auth', 'WrongPn', 'The PN GW answered for another network than it announced.');
    if (body.status !== Status.Success) {
      throw new CpnsError('Auth', 'SetupRefused', `The personal network was not set up: ${statusSentence(body.status)}.`, {
        status: body.status,
      });
    }
    const record = await context.settling.run(established, () => acceptConfirmation(context, established, opened, body));
    const establishMs = clock.monotonicMs() - startedMs;
    progress(4, 'Receiving the key of the network');

    // 24, 25. PN Membership with group key, and its confirmation, are served meanwhile; 26. Connection setup confirmation
    // the PN stands from 14 on: a gateway that is lost in between hands the key out when it is back
    await connection.catch((error) =>
      context.logger.notice('the PN GW did not finish the connection setup', { pn: pnId, why: describeError(error) }),
    );
    progress(5, 'Done');
    return { record: context.state.pn(established) ?? record, outcomes: body.outcomes, establishMs };
  } catch (error) {
    const cause = outcomeOf(error, opened);
    limit.abort(toCpnsError(error));
    opened.handshake.abort();
    if (pnId !== undefined) abandonRun(context, pnId, link);
    throw cause;
  } finally {
    context.acks.forget(transaction);
    limit.done();
  }
}

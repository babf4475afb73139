import type { EntityId } from '@cpns/shared';
import {
  type authenticationResponses,
  type BodyOf,
  type Inventory,
  pneRegistrationResponse,
  pneResponse,
  pnUpdateResponse,
  Status,
} from '@cpns/shared/messages';
import type { Reads, Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import { admitMembers } from './admission.js';
import type { EntryRun } from './challenges.js';
import { recordCharges } from './charging.js';
import { type ConfirmedPne, confirmedByOwners } from './confirm.js';
import type { EnablerContext } from './context.js';
import { requireGatewayRight } from './hello-check.js';
import { type Answer, answer, type Incoming } from './incoming.js';
import { entryStatus } from './membership-policy.js';
import { tellMembers } from './notices.js';
import { openingSessions } from './opened-sessions.js';
import { proveAll } from './proof.js';
import { refuse } from './refusals.js';

type Outcome = BodyOf<typeof pnUpdateResponse>['pnes'][number];
interface Outcomes {
  readonly pnes: readonly Outcome[];
  readonly inventory: Inventory | undefined;
}

/** The PN of that PN GW, open for newcomers. @throws CpnsError State/UnknownPn, State/PnSuspended (WrongState) */
export function requireOwnPn(reads: Pick<Reads, 'pns'>, gateway: EntityId, pnId: PnRecord['pnId']): PnRecord {
  const pn = reads.pns.find(pnId);
  if (pn?.gateway !== gateway) throw refuse(Status.UnknownPn, 'UnknownPn', `${gateway} has no PN ${pnId}.`);
  if (pn.state !== 'Established') throw refuse(Status.WrongState, 'PnSuspended', `The PN ${pnId} is suspended.`);
  return pn;
}

/**
 * Second half of every way into an existing PN (protocol e.15): the PNEs that prove themselves and may still come in are admitted, all
 * of it in one transaction.
 */
export async function completeEntry(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof authenticationResponses>>,
  run: EntryRun,
): Promise<void> {
  const { pnId, pnes } = run;
  const { passed, statuses } = proveAll(context, run, incoming.body.pnes);
  await openingSessions(context, run, passed, async (open) => {
    const confirmed = await confirmedByOwners(context, incoming, run, passed, statuses);
    await incoming.conclude((tx) => {
      for (const { pne } of pnes) tx.pns.removePending(pnId, pne);
      const { pn, entering } = whoEnters(tx, run, confirmed, statuses);
      const newcomers = passed.filter(({ pne }) => tx.pns.member(pnId, pne) === undefined);
      recordCharges(
        tx,
        run,
        newcomers.map(({ pne }) => [pne, statuses.get(pne) ?? Status.AuthFailed]),
      );
      const admission =
        pn && entering.length > 0 ? admitMembers(context, tx, incoming.envelope.transaction, pn, entering, open) : undefined;
      const outcomes = [...statuses].map(([pne, status]) => ({ pne, status, ...admission?.confirmed.get(pne) }));
      return answerOf(run, incoming.body.pnId, { pnes: outcomes, inventory: admission?.inventory });
    });
  });
  tellMembers(context, pnId, run.gateway);
}

/** Rights may have gone since the challenge, and the PN with them. */
function whoEnters(
  tx: Tx,
  run: EntryRun,
  confirmed: readonly ConfirmedPne[],
  statuses: Map<EntityId, Status>,
): { readonly pn: PnRecord | undefined; readonly entering: readonly ConfirmedPne[] } {
  const { gateway, pnId, flow, ownerAgrees } = run;
  const { user } = requireGatewayRight(tx, gateway);
  const pn = tx.pns.find(pnId);
  const isThere = pn?.gateway === gateway && pn.state === 'Established';
  const way = { invited: flow === 'invite', ownerAgrees };
  const entering = confirmed.filter((ownership) => {
    const status = isThere ? entryStatus(tx, { host: user, pnId }, ownership, way) : Status.UnknownPn;
    statuses.set(ownership.pne, status);
    return status === Status.Success;
  });
  return { pn, entering };
}

function answerOf({ flow }: EntryRun, pnId: Uint8Array, { pnes, inventory }: Outcomes): Answer {
  if (flow === 'invite')
    return answer(pnUpdateResponse, { status: overall(pnes.map(({ status }) => status)), pnId, pnes, ...(inventory && { inventory }) });
  const { pne: _pne, ...outcome } = pnes[0] as Outcome;
  return answer(flow === 'join' ? pneResponse : pneRegistrationResponse, { pnId, ...outcome, ...(inventory && { inventory }) });
}

function overall(statuses: readonly Status[]): Status {
  if (statuses.every((status) => status === Status.Success)) return Status.Success;
  return statuses.includes(Status.Success) ? Status.PartialSuccess : (statuses[0] ?? Status.AuthFailed);
}

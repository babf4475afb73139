import { CpnsError, describeError, type EntityId } from '@cpns/shared';
import { type authenticationResponses, type BodyOf, Status } from '@cpns/shared/messages';
import type { SkMaterial } from '@cpns/shared/security';
import type { ChallengedPne, EntryRun, EstablishRun } from './challenges.js';
import type { EnablerContext } from './context.js';

/** A PNE that proved that it knows its EUKey. */
export interface ProvenPne extends ChallengedPne {
  readonly hashServer: Uint8Array;
  readonly material: SkMaterial;
}

/** The outcomes of a run: who passed, and why the others did not. */
export function proveAll(
  context: EnablerContext,
  run: Pick<EstablishRun | EntryRun, 'pnes' | 'refused'>,
  proofs: BodyOf<typeof authenticationResponses>['pnes'],
): { readonly passed: readonly ProvenPne[]; readonly statuses: Map<EntityId, Status> } {
  const statuses = new Map(run.refused);
  const passed: ProvenPne[] = [];
  for (const challenged of run.pnes) {
    const outcome = prove(context, challenged, proofs.find(({ pne }) => pne === challenged.pne)?.hashPne);
    if ('value' in outcome) passed.push(outcome.value);
    else statuses.set(challenged.pne, outcome.status);
  }
  return { passed, statuses };
}

/** The outcome of one proof. A PNE that did not answer is out, like one that proved nothing. */
export function prove(
  context: EnablerContext,
  challenged: ChallengedPne,
  hashPne: Uint8Array | undefined,
): { readonly value: ProvenPne } | { readonly status: Status } {
  const { pne, handshake } = challenged;
  if (hashPne === undefined) {
    handshake.abort();
    return { status: Status.Timeout };
  }
  try {
    return { value: { ...challenged, ...handshake.verify(hashPne) } };
  } catch (error) {
    if (!(error instanceof CpnsError)) throw error;
    context.logger.info('a PNE did not prove itself', { pne, why: describeError(error) });
    return { status: Status.AuthFailed };
  }
}

import { CpnsError, describeError } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { SkMaterial } from '@cpns/shared/security';
import type { ChallengedPne } from './challenges.js';
import type { EnablerContext } from './context.js';

/** A PNE that proved that it knows its EUKey. */
export interface ProvenPne extends ChallengedPne {
  readonly hashServer: Uint8Array;
  readonly material: SkMaterial;
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

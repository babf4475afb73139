import { CpnsError } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';

/** Statuses after which the same request may succeed later; everything else is final. */
const PASSING: ReadonlySet<number> = new Set([Status.Pending, Status.Busy, Status.Timeout, Status.PeerUnreachable, Status.ServerError]);

/** An error whose status a peer may know. `message` is for the log. */
export function refuse(status: Status, code: string, message: string, retryAfterMs?: number): CpnsError {
  const family =
    status === Status.AuthFailed || status === Status.NotAuthorized ? 'Auth' : status === Status.BadMessage ? 'Codec' : 'State';
  return new CpnsError(family, code, message, {
    status,
    retryable: PASSING.has(status),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The one coarse status that a peer is told. */
export function statusOf(error: unknown): Status {
  if (!(error instanceof CpnsError)) return Status.ServerError;
  if (error.status !== undefined) return error.status as Status;
  if (error.family === 'Codec') return Status.BadMessage;
  return error.family === 'Auth' ? Status.AuthFailed : Status.ServerError;
}

/** Does it make sense to send the same again later? */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

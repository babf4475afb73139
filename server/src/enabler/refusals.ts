import { CpnsError } from '@cpns/shared';
import { isPassing, Status } from '@cpns/shared/messages';

/** An error whose status a peer may know. `message` is for the log. */
export function refuse(status: Status, code: string, message: string, retryAfterMs?: number): CpnsError {
  const family =
    status === Status.AuthFailed || status === Status.NotAuthorized ? 'Auth' : status === Status.BadMessage ? 'Codec' : 'State';
  return new CpnsError(family, code, message, {
    status,
    retryable: isPassing(status),
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

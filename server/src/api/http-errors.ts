import { CpnsError, type ErrorFamily } from '@cpns/shared';

/** What a failed request is answered with. */
export interface ErrorBody {
  readonly error: { readonly family: ErrorFamily; readonly code: string; readonly message: string };
}

const BY_FAMILY: Readonly<Record<ErrorFamily, number>> = {
  Codec: 400,
  Auth: 403,
  State: 409,
  Timeout: 504,
  Transport: 503,
  Config: 400,
  Internal: 500,
};

export function errorBody(error: CpnsError): ErrorBody {
  return { error: { family: error.family, code: error.code, message: error.message } };
}

/** The HTTP status of an error of the {@link Admin} port. */
export function httpStatus(error: CpnsError): number {
  if (error.retryAfterMs !== undefined) return 429;
  if (error.code === 'BadToken') return 401;
  if (error.family === 'State' && error.code.startsWith('Unknown')) return 404;
  return BY_FAMILY[error.family];
}

/** A refusal by the HTTP layer itself, such as a body that is too large; undefined for all other errors. */
export function refusalOfHttpLayer(error: unknown): { readonly status: number; readonly error: CpnsError } | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  const refused =
    status === 413
      ? new CpnsError('Config', 'TooLarge', 'The request is too large.')
      : new CpnsError('Config', 'BadRequest', 'The request could not be read: it must be JSON.');
  return { status, error: refused };
}

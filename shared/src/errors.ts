/**
 * The families of errors. The family says who has to act: Codec and Auth are the peer's doing, State and Config the user's,
 * Timeout and Transport the network's, Internal ours.
 */
export type ErrorFamily = 'Codec' | 'Auth' | 'State' | 'Timeout' | 'Transport' | 'Config' | 'Internal';

/** How a {@link CpnsError} came about, beside its sentence. */
export interface CpnsErrorOptions {
  /** The same call may succeed when repeated later. Default: true for Timeout and Transport. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** Coarse status for the peer; see `messages/status.ts`. */
  readonly status?: number;
  /** Wait at least so long before a repetition. */
  readonly retryAfterMs?: number;
}

/**
 * Every error of the project. `message` is one sentence for a person that says what to do, where something can be done; `code` is
 * stable and for machines.
 */
export class CpnsError extends Error {
  override readonly name = 'CpnsError';
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly family: ErrorFamily,
    readonly code: string,
    message: string,
    options: CpnsErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryable = options.retryable ?? (family === 'Timeout' || family === 'Transport');
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The error as one line, with the chain of causes, for a log. Never holds secrets: errors carry codes, not buffers. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const head = error instanceof CpnsError ? `${error.code}: ${error.message}` : `${error.name}: ${error.message}`;
  return error.cause === undefined ? head : `${head} (because: ${describeError(error.cause)})`;
}

/** `error` itself when it is a {@link CpnsError}, else an Internal one around it. */
export function toCpnsError(error: unknown): CpnsError {
  if (error instanceof CpnsError) return error;
  return new CpnsError('Internal', 'Unexpected', 'Something unexpected went wrong; the log has the detail.', { cause: error });
}

import { CpnsError } from './errors.js';
import type { Clock, Entropy } from './ports.js';

/** The last time that a `Date` can say, in milliseconds since 1970. */
export const LAST_TIME_MS = 8.64e15;

/** A signal that fires when a time is over. {@link Deadline.done} must be called when the wait ended otherwise. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Gives the timer back. Harmless when called twice. */
  done(): void;
  /** Fires the signal now, for waits that nobody needs any more. Nothing happens when the time was over before. */
  abort(reason: CpnsError): void;
}

const TOO_LATE = 'It took too long and was given up; try again.';

/** Why `signal` fired, as a CpnsError: the reason itself when it is one, else State/Aborted around it. */
export function abortReason(signal: AbortSignal): CpnsError {
  const { reason } = signal;
  if (reason instanceof CpnsError) return reason;
  return new CpnsError('State', 'Aborted', 'It was stopped before it was done.', { cause: reason });
}

/** Calls `listener` when `signal` fires, at once when it has fired. The returned function forgets the listener. */
function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    listener();
    return () => {};
  }
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** Resolves after `ms` milliseconds of the monotonic clock. @throws CpnsError {@link abortReason} of `signal` */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal));
    const cancel = clock.after(ms, () => {
      forget();
      resolve();
    });
    const forget = onAbort(signal, () => {
      cancel();
      reject(abortReason(signal as AbortSignal));
    });
  });
}

/**
 * A signal that fires `ms` milliseconds from now with Timeout/DeadlinePassed, or earlier with the reason of `parent`.
 * `sentence` is the message of the error.
 */
export function deadline(clock: Clock, ms: number, parent?: AbortSignal, sentence: string = TOO_LATE): Deadline {
  const controller = new AbortController();
  let cancel = () => {};
  let forget = () => {};
  const done = () => {
    cancel();
    forget();
  };
  const abort = (reason: unknown) => {
    done();
    controller.abort(reason);
  };
  if (!parent?.aborted) cancel = clock.after(ms, () => abort(new CpnsError('Timeout', 'DeadlinePassed', sentence)));
  forget = onAbort(parent, () => abort(parent?.reason));
  return { signal: controller.signal, done, abort };
}

/**
 * The outcome of `promise`, or the abort reason of `signal` when that comes first. What `promise` does later is ignored, so it
 * should watch the same signal. @throws CpnsError {@link abortReason}
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(abortReason(signal)));
    promise.then(resolve, reject).finally(forget);
  });
}

/**
 * Runs `fn` for at most `ms` milliseconds. `fn` gets a signal to stop by; the wait ends even if it does not look at it.
 * @throws CpnsError Timeout/DeadlinePassed with `sentence`, the abort reason of `parent`, or what `fn` throws
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  parent: AbortSignal | undefined,
  fn: (signal: AbortSignal) => Promise<T>,
  sentence: string,
): Promise<T> {
  const limit = deadline(clock, ms, parent, sentence);
  try {
    if (limit.signal.aborted) throw abortReason(limit.signal);
    return await abortable(fn(limit.signal), limit.signal);
  } finally {
    limit.done();
  }
}

/** Bounds of {@link retrySchedule}, in milliseconds. */
export interface RetryBounds {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Endless delays in milliseconds before each repetition: uniform in 1 .. `firstMs`, then twice that, and so on up to 1 .. `maxMs`.
 * The full jitter keeps devices apart that lost the same server at the same moment (protocol 0.3).
 */
export function* retrySchedule(entropy: Entropy, bounds: RetryBounds): Generator<number, never> {
  for (let capMs = bounds.firstMs; ; capMs = Math.min(capMs * 2, bounds.maxMs)) {
    yield 1 + Math.floor(fraction(entropy) * Math.min(capMs, bounds.maxMs));
  }
}

/** Uniform in [0, 1), 32 bits of it. */
function fraction(entropy: Entropy): number {
  const octets = entropy.bytes(4);
  return new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) / 2 ** 32;
}

/** Runs `action` every `ms` milliseconds, the first time after `ms`, until the returned function is called. */
export function every(clock: Clock, ms: number, action: () => void): () => void {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(ms, () => {
      again();
      action();
    });
  };
  again();
  return () => cancel();
}

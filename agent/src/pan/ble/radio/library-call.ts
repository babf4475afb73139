import { type Clock, CpnsError, toCpnsError } from '@cpns/shared';

/** When a call of a library is given up. */
export interface CallLimits {
  readonly clock: Clock;
  readonly ms: number;
  /** What to say when it takes longer. */
  readonly late: string;
  readonly signal?: AbortSignal | undefined;
}

/** How a call ended. Only the first word counts. */
export interface CallOutcome<T> {
  done(value: T): void;
  fail(error: CpnsError): void;
}

/**
 * The outcome of one call of a library whose promises may never settle: whatever comes first of its events, the deadline and the signal.
 * `start` makes the call and listens; what it returns forgets the listeners, so that a late event never settles a later call.
 * @throws CpnsError Timeout/RadioSilent with `late`, the reason of `signal`, or what `start` failed with
 */
export function libraryCall<T>(limits: CallLimits, start: (outcome: CallOutcome<T>) => () => void): Promise<T> {
  const { clock, ms, late, signal } = limits;
  return new Promise((resolve, reject) => {
    let over = false;
    let forget = () => {};
    const end = (settle: () => void) => {
      if (over) return;
      over = true;
      cancelTimer();
      signal?.removeEventListener('abort', abort);
      forget();
      settle();
    };
    const fail = (error: CpnsError) => end(() => reject(error));
    const abort = () => fail(toCpnsError(signal?.reason));
    const cancelTimer = clock.after(ms, () => fail(new CpnsError('Timeout', 'RadioSilent', late)));
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort);
    try {
      forget = start({ done: (value) => end(() => resolve(value)), fail });
    } catch (error) {
      const refused = `The Bluetooth library refused a call: ${error instanceof Error ? error.message : String(error)}.`;
      fail(new CpnsError('Transport', 'RadioRefused', refused, { cause: error }));
    }
    // It was settled within the call that started it.
    if (over) forget();
  });
}

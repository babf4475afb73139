import { describe, expect, it } from 'vitest';
import { CpnsError } from '../src/errors.js';
import { InsecureSeededEntropy, VirtualClock } from '../src/testing/index.js';
import { abortable, abortReason, deadline, every, retrySchedule, sleep, withDeadline } from '../src/time.js';

const stop = new CpnsError('State', 'Stopped', 'Stopped by the test.');
const aborted = (reason?: unknown) => {
  const controller = new AbortController();
  controller.abort(reason);
  return controller.signal;
};

describe('sleep', () => {
  it('waits for its time and leaves no timer', async () => {
    const clock = new VirtualClock();
    const fromMs = clock.monotonicMs();
    await clock.run(sleep(clock, 250));
    expect(clock.monotonicMs() - fromMs).toBe(250);
    expect(clock.pending).toBe(0);
  });

  it('ends at once when aborted, with the reason, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const asleep = sleep(clock, 1_000, controller.signal);
    controller.abort(stop);
    await expect(asleep).rejects.toBe(stop);
    expect(clock.pending).toBe(0);
    await expect(sleep(clock, 1_000, controller.signal)).rejects.toBe(stop);
    expect(clock.pending).toBe(0);
  });
});

describe('deadline', () => {
  it('can be brought forward, and gives its timer back', () => {
    const clock = new VirtualClock();
    const limit = deadline(clock, 100);
    limit.abort(stop);
    expect([limit.signal.reason, clock.pending]).toEqual([stop, 0]);
    limit.abort(new CpnsError('State', 'Other', 'Another reason.'));
    expect(limit.signal.reason).toBe(stop);
  });

  it('fires with Timeout and the sentence', async () => {
    const clock = new VirtualClock();
    const { signal } = deadline(clock, 5_000, undefined, 'The server did not answer; try again.');
    await clock.advance(4_999);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toMatchObject({
      family: 'Timeout',
      code: 'DeadlinePassed',
      message: 'The server did not answer; try again.',
      retryable: true,
    });
  });

  it('never fires once it is done', async () => {
    const clock = new VirtualClock();
    const parent = new AbortController();
    const limit = deadline(clock, 5_000, parent.signal);
    limit.done();
    limit.done();
    expect(clock.pending).toBe(0);
    parent.abort(stop);
    await clock.advance(10_000);
    expect(limit.signal.aborted).toBe(false);
  });

  it('fires with its parent and gives the timer back', () => {
    const clock = new VirtualClock();
    const parent = new AbortController();
    const limit = deadline(clock, 5_000, parent.signal);
    parent.abort(stop);
    expect(limit.signal.reason).toBe(stop);
    expect(clock.pending).toBe(0);
  });

  it('has fired at once when its parent has', () => {
    const clock = new VirtualClock();
    expect(deadline(clock, 5_000, aborted(stop)).signal.reason).toBe(stop);
    expect(clock.pending).toBe(0);
  });
});

describe('abortable', () => {
  it('hands on the outcome', async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(abortable(Promise.reject(stop), signal)).rejects.toBe(stop);
  });

  it('ends when the signal fires and ignores what comes later', async () => {
    const controller = new AbortController();
    const wait = abortable(
      new Promise((_, reject) =>
        controller.signal.addEventListener('abort', () => void Promise.resolve().then(() => reject(new Error('late')))),
      ),
      controller.signal,
    );
    controller.abort(stop);
    await expect(wait).rejects.toBe(stop);
  });

  it('turns a foreign reason into State/Aborted', async () => {
    await expect(abortable(new Promise(() => {}), aborted())).rejects.toMatchObject({ family: 'State', code: 'Aborted' });
    expect(abortReason(aborted('why')).cause).toBe('why');
  });
});

describe('withDeadline', () => {
  it('gives the result and leaves no timer', async () => {
    const clock = new VirtualClock();
    await expect(withDeadline(clock, 100, undefined, async () => 'done', 'late')).resolves.toBe('done');
    expect(clock.pending).toBe(0);
  });

  it('ends in time even when the work never looks at its signal', async () => {
    const clock = new VirtualClock();
    const fromMs = clock.monotonicMs();
    const wait = withDeadline(clock, 100, undefined, () => new Promise(() => {}), 'Nobody answered; try again.');
    await expect(clock.run(wait)).rejects.toMatchObject({ code: 'DeadlinePassed', message: 'Nobody answered; try again.' });
    expect(clock.monotonicMs() - fromMs).toBe(100);
  });

  it('tells the work to stop', async () => {
    const clock = new VirtualClock();
    let told: unknown;
    const wait = withDeadline(
      clock,
      100,
      undefined,
      (signal) =>
        sleep(clock, 1_000, signal).catch((error) => {
          told = error;
        }),
      'late',
    );
    await expect(clock.run(wait)).rejects.toMatchObject({ code: 'DeadlinePassed' });
    expect(told).toMatchObject({ code: 'DeadlinePassed' });
    expect(clock.pending).toBe(0);
  });

  it('does not begin when its parent has fired', async () => {
    let begun = false;
    const wait = withDeadline(new VirtualClock(), 100, aborted(stop), async () => (begun = true), 'late');
    await expect(wait).rejects.toBe(stop);
    expect(begun).toBe(false);
  });

  it('hands on what the work throws, also when it throws at once', async () => {
    const clock = new VirtualClock();
    const fail = () => {
      throw stop;
    };
    await expect(withDeadline(clock, 100, undefined, fail, 'late')).rejects.toBe(stop);
    expect(clock.pending).toBe(0);
  });
});

describe('retrySchedule', () => {
  it('doubles its bound up to the maximum and draws over all of it', () => {
    const caps = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
    const largest = caps.map(() => 0);
    for (let device = 0; device < 300; device++) {
      const delays = retrySchedule(new InsecureSeededEntropy(device), { firstMs: 1_000, maxMs: 30_000 });
      for (const [i, cap] of caps.entries()) {
        const delayMs = delays.next().value;
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(1);
        expect(delayMs).toBeLessThanOrEqual(cap);
        largest[i] = Math.max(largest[i] ?? 0, delayMs);
      }
    }
    for (const [i, cap] of caps.entries()) expect(largest[i]).toBeGreaterThan(cap * 0.9);
  });

  it('never goes over the maximum, even at first', () => {
    const delays = retrySchedule(new InsecureSeededEntropy('x'), { firstMs: 5_000, maxMs: 100 });
    for (let i = 0; i < 50; i++) expect(delays.next().value).toBeLessThanOrEqual(100);
  });
});

describe('every', () => {
  it('runs again and again until it is told to stop, even by what it runs', async () => {
    const clock = new VirtualClock();
    let ran = 0;
    const stopIt = every(clock, 100, () => {
      if (++ran === 3) stopIt();
    });
    await clock.advance(1_000);
    expect([ran, clock.pending]).toEqual([3, 0]);
  });
});

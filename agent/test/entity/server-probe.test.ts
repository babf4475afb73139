import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { ServerProbe } from '../../src/entity/server-probe.js';
import type { Reachability } from '../../src/entity/uplink-port.js';

/** A probe of a server that answers as `answers` say, one by one, the last for ever. Notes when it was tried. */
function probing(answers: boolean[]) {
  const clock = new VirtualClock();
  const triedMs: number[] = [];
  const outcomes: boolean[] = [];
  const signals: AbortSignal[] = [];
  const uplink = {
    async probe(signal: AbortSignal): Promise<Reachability> {
      triedMs.push(clock.monotonicMs());
      signals.push(signal);
      const reachable = (answers.length > 1 ? answers.shift() : answers[0]) ?? false;
      return { reachable, atMonotonicMs: clock.monotonicMs() };
    },
  };
  const probe = new ServerProbe({
    clock,
    entropy: new InsecureSeededEntropy('probe'),
    uplink,
    reached: ({ reachable }) => outcomes.push(reachable),
  });
  return { clock, probe, triedMs, outcomes, signals };
}

describe('the probe of the server', () => {
  it('tries at once, then every five minutes', async () => {
    const { clock, probe, triedMs } = probing([true]);
    probe.now();
    await clock.advance(15 * 60_000);
    expect(triedMs.map((ms) => ms - (triedMs[0] ?? 0))).toEqual([0, 300_000, 600_000, 900_000]);
    probe.stop();
  });

  it('tries again soon while the server is away, and ever less often', async () => {
    const { clock, probe, triedMs } = probing([false]);
    probe.now();
    await clock.advance(60 * 60_000);
    const pauses = triedMs.slice(1).map((ms, i) => ms - (triedMs[i] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(1_500);
    expect(pauses.slice(0, 5).reduce((sum, pause) => sum + pause)).toBeLessThan(40_000);
    expect(Math.max(...pauses)).toBeGreaterThan(30_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(60_500);
    probe.stop();
  });

  it('begins with short pauses after the server was there', async () => {
    const { clock, probe, triedMs, outcomes } = probing([false, false, false, false, true, false, false, true]);
    probe.now();
    while (outcomes.length < 7) await clock.advance(1_000);
    expect(outcomes).toEqual([false, false, false, false, true, false, false]);
    expect((triedMs[6] ?? 0) - (triedMs[5] ?? 0)).toBeLessThanOrEqual(1_500);
    probe.stop();
  });

  it('begins anew when asked, and gives up what was under way', async () => {
    const { clock, probe, triedMs, outcomes, signals } = probing([true]);
    probe.now();
    probe.now();
    expect(signals[0]?.aborted).toBe(true);
    await clock.advance(60_000);
    expect([triedMs.length, outcomes.length]).toEqual([2, 1]);
    probe.stop();
  });

  it('gives a silent server ten seconds', async () => {
    const clock = new VirtualClock();
    const outcomes: Reachability[] = [];
    const probe = new ServerProbe({
      clock,
      entropy: new InsecureSeededEntropy('probe'),
      uplink: {
        probe: (signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () =>
              resolve({ reachable: false, reason: signal.reason.message, atMonotonicMs: clock.monotonicMs() }),
            );
          }),
      },
      reached: (reach) => outcomes.push(reach),
    });
    const startMs = clock.monotonicMs();
    probe.now();
    await clock.advance(10_001);
    expect(outcomes).toEqual([{ reachable: false, reason: 'The server did not answer in time.', atMonotonicMs: startMs + 10_000 }]);
    probe.stop();
  });

  it('is quiet once stopped', async () => {
    const { clock, probe, triedMs, outcomes } = probing([false]);
    probe.now();
    probe.stop();
    await clock.advance(600_000);
    expect([triedMs.length, outcomes.length]).toEqual([1, 0]);
  });
});

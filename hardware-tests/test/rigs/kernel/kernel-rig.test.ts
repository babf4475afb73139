import { CpnsError } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import type { Ending } from '../../../processes/program.js';
import type { ReportLine } from '../../../rigs/kernel/inside/report.js';
import { KernelRig } from '../../../rigs/kernel/kernel-rig.js';
import { KERNEL_SCENARIOS } from '../../../rigs/kernel/scenarios.js';
import type { Played } from '../../../rigs/player.js';

const BUG = '[   52.01] kernel BUG at lib/list_debug.c:56!';
const [first, second] = KERNEL_SCENARIOS.map(({ name }) => name) as [string, string];

const passed = (scenario: string): ReportLine => ({
  over: { scenario, rig: 'kernel', result: 'passed', ms: 1, checks: 2, steps: [], logs: [] },
});

/** What a guest reports before it ends, and what is on its console then. */
interface Life {
  readonly report: readonly ReportLine[];
  readonly console?: readonly string[];
}

function bootedGuest({ report, console = [] }: Life) {
  let end = (_ending: Ending) => {};
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const kill = async () => {
    end({ code: null, signal: 'SIGKILL' });
    return ended;
  };
  const onLine = (listener: (line: string) => void) => {
    for (const line of report) listener(JSON.stringify(line));
    end({ code: 0, signal: null });
    return () => true;
  };
  return { program: { ended, kill, onLine, said: 'it said nothing' }, console: () => console };
}

describe('the rig kernel', () => {
  /** Plays two scenarios on guests that live like that, so many at a time; gives what became of them, and which were asked of each guest. */
  async function played(lives: (Life | Error)[], guests = 1) {
    const asked: (readonly string[])[] = [];
    const boot = async (scenarios: readonly string[]) => {
      asked.push(scenarios);
      const life = lives.shift();
      if (life === undefined || life instanceof Error) throw life ?? new Error('one guest too many');
      return bootedGuest(life);
    };
    const rig = new KernelRig(new SystemClock(), async () => ({ boot }), guests);
    const outcomes: Played[] = [];
    await rig.playAll(
      KERNEL_SCENARIOS.slice(0, 2),
      () => {},
      (outcome) => outcomes.push(outcome),
    );
    return { asked, outcomes: outcomes.map(({ scenario, result, says }) => [scenario, result, says]) };
  }

  it('tells what its guest reports', async () => {
    const { asked, outcomes } = await played([{ report: [passed(first), passed(second)] }]);
    expect(outcomes).toEqual([
      [first, 'passed', undefined],
      [second, 'passed', undefined],
    ]);
    expect(asked).toEqual([[first, second]]);
  });

  it('fails what a guest has not decided that ends with its kernel well', async () => {
    const { asked, outcomes } = await played([{ report: [passed(first)] }]);
    expect(outcomes[1]).toEqual([second, 'failed', 'The guest ended before it was over: it said nothing']);
    expect(asked).toHaveLength(1);
  });

  it('plays again, on a fresh guest, what a broken kernel has interrupted', async () => {
    const { asked, outcomes } = await played([{ report: [], console: [BUG] }, { report: [passed(first), passed(second)] }]);
    expect(outcomes.map(([, result]) => result)).toEqual(['passed', 'passed']);
    expect(asked).toEqual([
      [first, second],
      [first, second],
    ]);
  });

  it('believes no outcome of a guest whose kernel is broken, and says so when it breaks again', async () => {
    const broken: Life = { report: [passed(first)], console: [BUG] };
    const { asked, outcomes } = await played([broken, broken, { report: [passed(second)] }]);
    expect(outcomes).toEqual([
      [first, 'kernel-bug', 'kernel BUG at lib/list_debug.c:56!'],
      [second, 'passed', undefined],
    ]);
    expect(asked.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  it('shares the scenarios out among guests that run at a time; what befalls one is nothing to the other', async () => {
    const { asked, outcomes } = await played([new Error('no memory'), { report: [passed(second)] }], 2);
    expect(asked).toEqual([[first], [second]]);
    expect(outcomes).toContainEqual([first, 'failed', expect.stringContaining('no memory')]);
    expect(outcomes).toContainEqual([second, 'passed', undefined]);
  });

  it('fails in one sentence when no guest can be made', async () => {
    const { outcomes } = await played([new CpnsError('Config', 'NoPackages', 'There are no packages.')]);
    expect(outcomes.map(([, result]) => result)).toEqual(['failed', 'failed']);
    expect(outcomes[0]?.[2]).toContain('There are no packages.');
  });
});

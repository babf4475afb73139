import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, describeError } from '@cpns/shared';
import { Keeper } from '../../processes/keeper.js';
import type { Scenario } from '../../scenarios/scenario.js';
import type { Played } from '../player.js';
import type { RemoteRig } from '../rig.js';
import { missingTool, type Tool } from '../tools.js';
import { kernelTrouble } from './console.js';
import { type BootedGuest, EMULATOR, Guest } from './guest.js';
import type { ReportLine } from './inside/report.js';
import { KERNEL_SCENARIOS } from './scenarios.js';

const TOOLS: readonly Tool[] = [
  [EMULATOR, 'qemu-system-x86'],
  ['apt-get', 'apt'],
  ['dpkg-deb', 'dpkg'],
];

/** A guest that reports nothing for so long has died; on a busy machine, longer. */
const SILENCE_MS = 120_000;
/** How much slower than a real machine the guest is taken to be; on a busy machine, more. */
const PATIENCE = 3;
/** A scenario during which the kernel broke is played again, on a fresh guest, so often. */
const MORE_TRIES = 1;
/** Lines of the console that are shown. */
const CONSOLE_LINES = 200;

/** A Linux guest with the Bluetooth subsystem of Debian's kernel; the scenarios are played within. */
export class KernelRig implements RemoteRig {
  readonly name = 'kernel';
  readonly title = "a QEMU guest: Debian's kernel, AF_BLUETOOTH sockets, virtual controllers";
  readonly scenarios = KERNEL_SCENARIOS;
  readonly #clock: Clock;
  #keeper: Keeper | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async obstacle(): Promise<string | undefined> {
    if (process.platform !== 'linux' || process.arch !== 'x64') return 'It boots the kernel of Debian for x86-64, on Linux.';
    return missingTool(TOOLS);
  }

  async playAll(
    scenarios: readonly Scenario[],
    say: (scenario: string, text: string) => void,
    over: (played: Played) => void,
  ): Promise<void> {
    const clock = this.#clock;
    this.#keeper ??= new Keeper();
    const keeper = this.#keeper;
    const directory = await mkdtemp(join(tmpdir(), `cpns-rig-kernel-${process.pid}-`));
    keeper.keep({ kind: 'directory', path: directory });
    const guest = new Guest({ directory, clock, keeper, say: (text) => say(this.name, text) });
    const tries = new Map<string, number>();
    let waiting = scenarios.map(({ name }) => name);
    while (waiting.length > 0) {
      const [first = ''] = waiting;
      const begunMs = clock.monotonicMs();
      const unplayed = (result: Played['result'], says: string, console: readonly string[] = []): Played => ({
        scenario: first,
        rig: this.name,
        result,
        ms: Math.round(clock.monotonicMs() - begunMs),
        checks: 0,
        says,
        steps: [],
        logs: [{ name: 'console', lines: console.slice(-CONSOLE_LINES) }],
      });
      try {
        const booted = await guest.boot(waiting, Math.round(PATIENCE * busyness()));
        const played = await this.#listen(booted, waiting, say, over);
        waiting = waiting.filter((name) => !played.has(name));
        const [interrupted] = waiting;
        if (interrupted === undefined) continue;
        const console = booted.console();
        const trouble = kernelTrouble(console);
        const times = tries.get(interrupted) ?? 0;
        tries.set(interrupted, times + 1);
        if (trouble !== undefined && times < MORE_TRIES) {
          say(interrupted, `The guest's kernel broke (${trouble}); once more on a fresh guest.`);
          continue;
        }
        waiting = waiting.slice(1);
        over({
          ...(trouble === undefined
            ? unplayed('failed', `The guest ended before it was over: ${booted.program.said}`, console)
            : unplayed('kernel-bug', trouble, console)),
          scenario: interrupted,
        });
      } catch (error) {
        for (const name of waiting) over({ ...unplayed('failed', describeError(error)), scenario: name });
        return;
      }
    }
  }

  async close(): Promise<void> {
    await this.#keeper?.close();
  }

  /** Hears a guest out, or until its kernel breaks. Gives the names of the scenarios that are decided. */
  async #listen(
    guest: BootedGuest,
    waiting: readonly string[],
    say: (scenario: string, text: string) => void,
    over: (played: Played) => void,
  ): Promise<ReadonlySet<string>> {
    const decided = new Set<string>();
    const { program } = guest;
    let isBroken = false;
    const end = () => void program.kill();
    let cancel = this.#clock.after(SILENCE_MS * busyness(), end);
    const forget = program.onLine((line) => {
      if (!line.startsWith('{') || isBroken) return;
      cancel();
      cancel = this.#clock.after(SILENCE_MS * busyness(), end);
      const report = JSON.parse(line) as ReportLine;
      if ('step' in report) return say(report.step.scenario, report.step.text);
      const console = guest.console();
      isBroken = kernelTrouble(console) !== undefined;
      if (isBroken) return end();
      decided.add(report.over.scenario);
      over({ ...report.over, logs: [...report.over.logs, { name: 'console', lines: console.slice(-CONSOLE_LINES) }] });
      // There is nothing more to hear.
      if (decided.size === waiting.length) end();
    });
    await program.ended;
    cancel();
    forget();
    return decided;
  }
}

/** How many programs share a processor, at least one. */
function busyness(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, describeError } from '@cpns/shared';
import { Keeper } from '../../processes/keeper.js';
import type { Program } from '../../processes/program.js';
import type { Scenario } from '../../scenarios/scenario.js';
import type { Played } from '../player.js';
import type { LogOf, RemoteRig } from '../rig.js';
import { missingTool, type Tool } from '../tools.js';
import { kernelTrouble } from './console.js';
import { EMULATOR, Guest } from './guest.js';
import type { ReportLine } from './inside/report.js';
import { KERNEL_SCENARIOS } from './scenarios.js';

const TOOLS: readonly Tool[] = [
  [EMULATOR, 'qemu-system-x86'],
  ['apt-get', 'apt'],
  ['dpkg-deb', 'dpkg'],
];

/** A guest that reports nothing for so long has died; on a busy machine, longer. */
const SILENCE_MS = 120_000;
/** Each takes one processor and some GiB of memory. */
const MOST_GUESTS = 2;
/** Lines of the console that are shown. */
const CONSOLE_LINES = 200;

/** A guest that runs: the program that it is, whose output is the report, and its console. */
interface BootedGuest {
  readonly program: Pick<Program, 'onLine' | 'ended' | 'kill' | 'said'>;
  console(): readonly string[];
}

interface Bootable {
  boot(scenarios: readonly string[]): Promise<BootedGuest>;
}

/** `say`: progress, in lines. */
type MakeGuest = (say: (text: string) => void) => Promise<Bootable>;
type Say = (scenario: string, text: string) => void;
type Over = (played: Played) => void;

/** A Linux guest with the Bluetooth subsystem of Debian's kernel; the scenarios are played within. */
export class KernelRig implements RemoteRig {
  readonly name = 'kernel';
  readonly title = "a QEMU guest: Debian's kernel, AF_BLUETOOTH sockets, virtual controllers";
  readonly scenarios = KERNEL_SCENARIOS;
  readonly #clock: Clock;
  readonly #makeGuest: MakeGuest;
  readonly #guests: number;
  #keeper: Keeper | undefined;

  /** `guests`: how many run at a time. Default: two, where there is a processor for each. */
  constructor(clock: Clock, makeGuest?: MakeGuest, guests: number = Math.min(MOST_GUESTS, availableParallelism())) {
    this.#clock = clock;
    this.#makeGuest = makeGuest ?? ((say) => this.#guest(say));
    this.#guests = guests;
  }

  async obstacle(): Promise<string | undefined> {
    if (process.platform !== 'linux' || process.arch !== 'x64') return 'It boots the kernel of Debian for x86-64, on Linux.';
    return missingTool(TOOLS);
  }

  async playAll(scenarios: readonly Scenario[], say: Say, over: Over): Promise<void> {
    const names = scenarios.map(({ name }) => name);
    const count = Math.min(this.#guests, names.length);
    const guest = this.#makeGuest((text) => say(this.name, text));
    const shares = Array.from({ length: count }, (_, share) => names.filter((_name, at) => at % count === share));
    await Promise.all(shares.map((share) => this.#play(guest, share, say, over)));
  }

  /** Plays scenarios one after the other, on one guest as long as its kernel is well. */
  async #play(guest: Promise<Bootable>, scenarios: readonly string[], say: Say, over: Over): Promise<void> {
    let waiting = scenarios;
    try {
      const broken = new Set<string>();
      while (waiting.length > 0) {
        const booted = await (await guest).boot(waiting);
        const decided = await this.#listen(booted, waiting.length, say, over);
        waiting = waiting.filter((name) => !decided.has(name));
        const [interrupted] = waiting;
        if (interrupted === undefined) return;
        const trouble = kernelTrouble(booted.console());
        if (trouble !== undefined && !broken.has(interrupted)) {
          broken.add(interrupted);
          say(interrupted, `The guest's kernel broke (${trouble}); once more on a fresh guest.`);
          continue;
        }
        waiting = waiting.slice(1);
        const says = trouble ?? `The guest ended before it was over: ${booted.program.said}`;
        over(this.#undecided(interrupted, trouble === undefined ? 'failed' : 'kernel-bug', says, booted));
      }
    } catch (error) {
      for (const name of waiting) over(this.#undecided(name, 'failed', describeError(error)));
    }
  }

  async close(): Promise<void> {
    await this.#keeper?.close();
  }

  async #guest(say: (text: string) => void): Promise<Bootable> {
    this.#keeper ??= new Keeper();
    const directory = await mkdtemp(join(tmpdir(), `cpns-rig-kernel-${process.pid}-`));
    this.#keeper.keep({ kind: 'directory', path: directory });
    return new Guest({ directory, clock: this.#clock, keeper: this.#keeper, say });
  }

  #undecided(scenario: string, result: Played['result'], says: string, guest?: BootedGuest): Played {
    const logs = guest === undefined ? [] : [consoleLog(guest)];
    return { scenario, rig: this.name, result, ms: 0, checks: 0, says, steps: [], logs };
  }

  /** Hears a guest out about `count` scenarios, or until it falls silent or its kernel breaks. Gives the names of those that are decided. */
  async #listen(guest: BootedGuest, count: number, say: Say, over: Over): Promise<ReadonlySet<string>> {
    const decided = new Set<string>();
    const { program } = guest;
    let isOver = false;
    const end = () => {
      isOver = true;
      void program.kill();
    };
    let cancel = this.#clock.after(SILENCE_MS * busyness(), end);
    const forget = program.onLine((line) => {
      if (!line.startsWith('{') || isOver) return;
      cancel();
      cancel = this.#clock.after(SILENCE_MS * busyness(), end);
      const report = JSON.parse(line) as ReportLine;
      if ('step' in report) return say(report.step.scenario, report.step.text);
      if (kernelTrouble(guest.console()) !== undefined) return end();
      decided.add(report.over.scenario);
      over({ ...report.over, logs: [...report.over.logs, consoleLog(guest)] });
      if (decided.size === count) end();
    });
    await program.ended;
    cancel();
    forget();
    return decided;
  }
}

function consoleLog(guest: BootedGuest): LogOf {
  return { name: 'console', lines: guest.console().slice(-CONSOLE_LINES) };
}

/** How many programs share a processor, at least one. */
function busyness(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

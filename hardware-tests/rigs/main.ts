/** `npm run rig -- RIG [SCENARIO...]` */
import { type CpnsError, toCpnsError } from '@cpns/shared';
import { plural, SystemClock, table } from '@cpns/shared/node';
import { marksLines, totals } from '../report/matrix.js';
import { addToReport } from '../report/report-files.js';
import { SCENARIOS } from '../scenarios/index.js';
import { Air } from './air/air-rig.js';
import { type RigArguments, readArguments } from './arguments.js';
import { Bench, DEFAULT_CONFIG } from './bench/bench.js';
import { libraries } from './kernel/inside/libraries.js';
import { KernelRig } from './kernel/kernel-rig.js';
import { LanRig } from './lan/lan-rig.js';
import { type Outcome, type Played, playAll } from './player.js';
import type { RemoteRig, Rig, RigFamily } from './rig.js';
import { playCrashPoints } from './simulation/crash-points/command.js';
import { runSchedules } from './simulation/schedules/command.js';
import { SimulationRig } from './simulation/simulation-rig.js';

const HELP = `Plays field scenarios on a rig.

Usage: npm run rig -- RIG [SCENARIO...]

  --list        show the rigs and the scenarios
  --verbose     show each step when it is taken; on the rig simulation at its virtual time
  --logs        show the last that every process said, also when nothing failed
  --json        one JSON document per scenario instead of lines
  --report DIR  add the outcome to the scenario x rig table in DIR (scenarios.json, scenarios.txt)

  --controller OF
                with the rig air: whose virtual controllers, "own" (default) or "btvirt" (BlueZ's emulator, a second opinion)
  --config FILE with the rig bench: which devices they are. Default: ${DEFAULT_CONFIG}

  --crash-points [FLOW[/SIDE[/N]]]...
                with the rig simulation, instead of scenarios: each side of each flow loses its power at each of its commits and
                messages and starts again; then all must agree, what was shown as done must stand, and the flow must work

  --schedules N with the rig simulation: N random schedules of pairing, establishing, sending, leaving, service groups, crashes, cut links and bad
                weather; afterwards all must agree and be able to go on. A failure shows the shortest schedule that still fails
  --seed S      the first schedule, or with neither --schedules nor more the only one. Default: 1
  --pan WHAT    the devices of the schedules are near over the local network (lan, the default), Bluetooth (ble), or both
  --trace       a sequence diagram of that one schedule
  --fail-fast   end at the first schedule that fails
  --planted     plant one bug after the other in a copy of the source tree; the schedules must find each of them;
                then take one guard after the other away, which its tests must notice
  --only LIST   of that one schedule only these actions, by number, such as 0,3,4

Without a SCENARIO all are played, on the rig kernel those that show the kernel's part; the name of a theme, such as elect-by-capability, stands for all its parts.

Exit codes: 0 all passed, 1 one failed, 2 wrong usage or configuration, 3 nothing failed and one was skipped.
The last line is "N passed, N failed, N skipped". A scenario that has no meaning on a rig is "not applicable" and not counted.
On the rig kernel one during which the guest's kernel broke, on two guests, is "kernel-bug": it counts as skipped.`;

/** The last lines of a process that are shown when a scenario failed. */
const SHOWN_LINES = 60;

const clock = new SystemClock();
const rigs: readonly (Rig | RigFamily | RemoteRig)[] = [
  new SimulationRig(),
  new LanRig(clock),
  new Air(clock),
  new KernelRig(clock),
  new Bench(clock),
];
const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  let asked: RigArguments;
  try {
    asked = readArguments(process.argv.slice(2), rigs, SCENARIOS);
  } catch (error) {
    process.stderr.write(`${(error as CpnsError).message}\n`);
    return 2;
  }
  if (asked.crashPoints !== undefined && !asked.help) return playCrashPoints(asked.crashPoints, print);
  if (asked.schedules !== undefined && !asked.help) return runSchedules(asked.schedules, print);
  if (asked.help || asked.rig === undefined) {
    if (asked.help) print(HELP);
    else list();
    return 0;
  }
  if (asked.list) {
    list();
    return 0;
  }
  const played: Played[] = [];
  const say = (name: string, text: string) => asked.verbose && !asked.json && print(`         ${name}: ${text}`);
  try {
    const parts = await partsOf(asked.rig, asked);
    for (const rig of parts) {
      if (parts.length > 1 && !asked.json) print(`${rig.name}: ${rig.title}`);
      await playAll(rig, asked.scenarios, clock, say, (one) => {
        played.push(one);
        show(one, asked);
      });
    }
  } finally {
    await asked.rig.close();
  }
  const place = ({ scenario }: Outcome) => asked.scenarios.findIndex(({ name }) => name === scenario);
  const outcomes = played.map(({ steps: _steps, logs: _logs, ...outcome }) => outcome).sort((a, b) => place(a) - place(b));
  if (!asked.json) for (const line of marksLines(outcomes)) print(line);
  if (asked.report !== undefined) await addToReport(asked.report, outcomes);
  print(totals(outcomes));
  if (outcomes.some(({ result }) => result === 'failed')) return 1;
  return outcomes.some(({ result }) => result === 'skipped' || result === 'kernel-bug') ? 3 : 0;
}

async function partsOf(rig: Rig | RigFamily | RemoteRig, { config, controllers }: RigArguments): Promise<readonly (Rig | RemoteRig)[]> {
  return 'open' in rig ? rig.open({ config, controllers, say: (text) => process.stderr.write(`${text}\n`) }) : [rig];
}

function list(): void {
  print('Rigs:');
  for (const line of table(rigs.map(({ name, title }) => [`  ${name}`, title]))) print(line);
  print('\nScenarios:');
  for (const line of table([...SCENARIOS, libraries].map(({ name, title }) => [`  ${name}`, title]))) print(line);
}

function show({ logs, steps, ...outcome }: Played, { json, logs: always }: RigArguments): void {
  if (json) {
    print(JSON.stringify(outcome));
    return;
  }
  const { result, scenario, ms, checks, says } = outcome;
  if (result === 'not applicable') {
    print(`not applicable: ${scenario}: ${says}`);
    return;
  }
  print(`${result.padEnd(8)} ${scenario.padEnd(36)} ${(ms / 1000).toFixed(1).padStart(6)} s  ${says ?? plural(checks, 'check')}`);
  if (result !== 'failed' && result !== 'kernel-bug' && !always) return;
  for (const step of steps) print(`  | ${step}`);
  for (const { name, lines } of logs) {
    print(`  --- the last that "${name}" said ---`);
    for (const line of lines.slice(-SHOWN_LINES)) print(`  | ${line}`);
  }
}

// A reader that has gone away, such as "head", ends it; the keeper clears up.
process.stdout.on('error', () => process.exit(1));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The keeper ends and removes everything as soon as this process is gone.
  process.on(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
}
try {
  process.exitCode = await main();
} catch (error) {
  const { family, message } = toCpnsError(error);
  const wrongConfiguration = family === 'Config';
  process.stderr.write(wrongConfiguration ? `${message}\n` : `${message}\n${(error as Error).stack ?? ''}\n`);
  process.exitCode = wrongConfiguration ? 2 : 1;
}
process.stdout.write('', () => process.exit());

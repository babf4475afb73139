/** `inside-main.js SCENARIO...`: plays them within the guest. Standard output is the report to the host: JSON lines. */
import { SystemClock } from '@cpns/shared/node';
import { playAll } from '../../player.js';
import { KERNEL_SCENARIOS } from '../scenarios.js';
import { InsideRig } from './inside-rig.js';
import { libraries } from './libraries.js';
import type { ReportLine } from './report.js';

const clock = new SystemClock();
const asked = process.argv.slice(2);
const report = (line: ReportLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const scenario of KERNEL_SCENARIOS) {
  if (!asked.includes(scenario.name)) continue;
  const rig = new InsideRig(clock, scenario === libraries);
  await playAll(
    rig,
    [scenario],
    clock,
    (name, text) => report({ step: { scenario: name, text } }),
    (played) => report({ over: played.result === 'passed' ? { ...played, logs: [] } : played }),
  );
  await rig.close();
}
process.stdout.write('', () => process.exit());

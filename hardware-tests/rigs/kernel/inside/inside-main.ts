/** `inside-main.js PATIENCE SCENARIO...`: plays them within the guest, waiting PATIENCE times longer than elsewhere. Standard output is the report to the host: JSON lines. */
import { SystemClock } from '@cpns/shared/node';
import { playAll } from '../../player.js';
import { KERNEL_SCENARIOS } from '../scenarios.js';
import { InsideRig } from './inside-rig.js';
import { libraries } from './libraries.js';
import { PatientClock } from './patient-clock.js';
import type { ReportLine } from './report.js';

const clock = new SystemClock();
const [factor, ...asked] = process.argv.slice(2);
/** The seconds that steps take are those of this clock. */
const patient = new PatientClock(clock, Number(factor));
const report = (line: ReportLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const scenario of KERNEL_SCENARIOS) {
  if (!asked.includes(scenario.name)) continue;
  const rig = new InsideRig(patient, scenario === libraries);
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

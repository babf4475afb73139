import { CpnsError, toCpnsError } from '@cpns/shared';
import { plural, table } from '@cpns/shared/node';
import type { DoctorReport } from '../../control/api/doctor.js';
import { thisHost } from '../../device/host.js';
import { problem } from '../../doctor/check.js';
import { runDoctor } from '../../doctor/doctor.js';
import type { CommandContext } from '../command-context.js';
import { FailedResult } from '../failed-result.js';
import { action, type Register } from './register.js';

const DOCTOR_MS = 60_000;
const MARKS = { ok: 'ok', warning: 'warning', problem: 'PROBLEM', skipped: '-' } as const;

/** `doctor` */
export const registerDoctor: Register = (program, environment) => {
  program
    .command('doctor')
    .summary('find out what is missing and how to cure it')
    .description(
      'Checks everything that the agent needs and says the exact cure for what is missing. Works while the agent runs and without it.',
    )
    .action(
      action(environment, async (context) => {
        const report = await examine(context);
        context.report.result(report, doctorText(report));
        const problems = report.checks.filter((check) => check.outcome === 'problem').length;
        if (problems > 0) throw new FailedResult(`${plural(problems, 'problem')} found.`);
      }),
    );
};

/** By the running agent, which knows most; else here. */
async function examine(context: CommandContext): Promise<DoctorReport> {
  try {
    return await context.withAgent((client) => client.request('doctor', {}, { signal: context.signal, timeoutMs: DOCTOR_MS }));
  } catch (error) {
    if (!(error instanceof CpnsError) || error.code !== 'AgentNotRunning') throw error;
  }
  const place = await context.place();
  const { probe, trouble } = await context.ports.inspect(place).then(
    ({ probe }) => ({ probe, trouble: undefined }),
    (error: unknown) => ({ probe: undefined, trouble: toCpnsError(error) }),
  );
  const examined = { host: thisHost(), ...place, running: false, probe, bluetoothTrouble: undefined, clockOffsetMs: undefined };
  const { checks } = await runDoctor(examined, context.clock, context.logger, context.signal);
  if (trouble === undefined) return { checks };
  return { checks: [...checks.filter(({ name }) => name !== 'server'), problem('state', trouble.message)] };
}

function doctorText({ checks }: DoctorReport): string[] {
  const rows = checks.map(({ outcome, name, says }) => [MARKS[outcome], name, says]);
  const lines = table(rows);
  return checks.flatMap(({ cure }, index) => [lines[index] as string, ...(cure === undefined ? [] : [`         cure: ${cure}`])]);
}

import { type Clock, describeError, type Logger, withDeadline } from '@cpns/shared';
import type { DoctorReport } from '../control/api/doctor.js';
import { checkBluetooth } from './bluetooth-checks.js';
import { type Check, type DoctorContext, problem } from './check.js';
import { checkContents } from './contents-check.js';
import { checkNetwork } from './network-checks.js';
import { checkAgent, checkNode, checkState } from './runtime-checks.js';
import { checkClock, checkServer } from './server-checks.js';

/** One check takes no longer, whatever it waits for. */
const CHECK_MS = 10_000;

const CHECKS: Readonly<Record<string, Check>> = {
  'Node.js': checkNode,
  agent: checkAgent,
  'state directory': checkState,
  'local network': checkNetwork,
  server: checkServer,
  clock: checkClock,
  Bluetooth: checkBluetooth,
  contents: checkContents,
};

/** Looks at everything that an agent needs, all at once, and says what is missing and how to cure it. */
export async function runDoctor(context: DoctorContext, clock: Clock, logger: Logger, signal: AbortSignal): Promise<DoctorReport> {
  const results = Object.entries(CHECKS).map(async ([name, check]) => {
    try {
      return await withDeadline(clock, CHECK_MS, signal, (limit) => check(context, limit), 'the check took too long');
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('a check of doctor failed', { check: name, why: describeError(error) });
      return [problem(name, 'could not be checked; the log says why')];
    }
  });
  return { checks: (await Promise.all(results)).flat() };
}

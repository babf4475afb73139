import { ProcessLock } from '../../src/node/process-lock.js';

/** Takes the lock named by its argument, says how that went, and stays until its standard input ends. */
try {
  await ProcessLock.acquire(process.argv[2] ?? '');
  process.stdout.write('held\n');
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code}\n`);
}
process.stdin.resume();
process.stdin.on('end', () => process.exit());

/** Loaded in front of a program of the product; see probe.ts. Every line of standard input is answered by one line on standard output. */
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ProcessFigures } from './probe.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

createInterface({ input: process.stdin }).on('line', (line) => {
  // What the first round only marks as dead, such as sockets behind weak references, the second one frees.
  collect();
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const cpu = process.cpuUsage();
  const figures: ProcessFigures = {
    rssOctets: rss,
    heapOctets: heapUsed,
    externalOctets: external,
    handles: process.getActiveResourcesInfo().length,
    files: openFiles(),
    cpuMs: (cpu.user + cpu.system) / 1000,
  };
  process.stdout.write(`${JSON.stringify({ probe: line, figures })}\n`);
});
// The program ends as it would without the probe.
process.stdin.unref();

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Only Linux has it.
    return undefined;
  }
}

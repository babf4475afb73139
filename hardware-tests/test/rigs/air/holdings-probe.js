// Loaded in front of a radio process (`node --import`): writes down what the process holds whenever it gets SIGUSR2. Plain JavaScript: it is
// started as it is.
import { EventEmitter } from 'node:events';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const ENOUGH = 200_000;
const { cache } = createRequire(import.meta.url);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** Listeners of the libraries and of everything inside them that can be listened to. */
function listenersOfLibraries() {
  const seen = new Set();
  const open = Object.values(cache).flatMap((module) =>
    /abandonware.(noble|bleno).index\.js$/.test(module?.filename) ? [module.exports] : [],
  );
  let count = 0;
  for (let next = open.pop(); next !== undefined && seen.size < ENOUGH; next = open.pop()) {
    if (next === null || typeof next !== 'object' || seen.has(next) || ArrayBuffer.isView(next)) continue;
    seen.add(next);
    if (next instanceof EventEmitter) for (const name of next.eventNames()) count += next.listenerCount(name);
    open.push(...(next instanceof Map ? next.values() : Object.values(next)));
  }
  return count;
}

process.on('SIGUSR2', () => {
  collect();
  collect();
  const resources = process.getActiveResourcesInfo();
  const of = (kind) => resources.filter((one) => one === kind).length;
  const holdings = {
    listeners: listenersOfLibraries(),
    timers: of('Timeout'),
    handles: resources.length - of('Timeout'),
    files: readdirSync('/proc/self/fd').length,
    emitters: queryObjects(EventEmitter),
    functions: queryObjects(Function),
    heapOctets: process.memoryUsage().heapUsed,
    externalOctets: process.memoryUsage().external,
  };
  const file = join(tmpdir(), `cpns-holdings.${process.pid}`);
  writeFileSync(`${file}.new`, JSON.stringify(holdings));
  renameSync(`${file}.new`, file);
});

import { writeSync } from 'node:fs';
import type { Logger } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { FileStore } from '../../src/store/file-store.js';

/** Commits numbers, three at a time, for as long as it lives, and says each number once its commit has been acknowledged. */
const silent: Logger = { debug() {}, info() {}, notice() {}, warn() {}, error() {}, child: () => silent };
const store = await FileStore.open({
  directory: process.argv[2] ?? '',
  clock: new SystemClock(),
  logger: silent,
  forgetDeletedMs: 3,
});

const number = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
const last = store.get('last');
let next = last === undefined ? 1 : (new Uint32Array(last.buffer)[0] ?? 0) + 1;

async function commitForEver(): Promise<void> {
  for (;;) {
    const value = next++;
    const changes = new Map<string, Uint8Array | undefined>();
    changes.set('last', number(value));
    changes.set(`item/${value}`, new Uint8Array(500 + (value % 7) * 1_000).fill(value));
    changes.set(`item/${value - 5}`, undefined);
    changes.set('copy', number(value));
    await store.commit(changes);
    writeSync(1, `${value}\n`);
  }
}
await Promise.all([commitForEver(), commitForEver(), commitForEver()]);

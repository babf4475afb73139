import { randomBytes } from 'node:crypto';
import { SystemClock } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { openDatabase } from '../../src/inventory/open-database.js';
import { limits } from './limits.js';

/*
 * Writes without end, from several places at once, and prints the id of each message only after its promise resolved: what a device
 * would take for acknowledged. Ended from outside.
 */
const path = process.argv[2] as string;
const db = openDatabase({
  path,
  clock: new SystemClock(),
  entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
  logger: new MemoryLogger(),
  limits,
});

async function write(): Promise<void> {
  for (;;) {
    const messageId = randomBytes(16);
    await db.transact((tx) => {
      tx.receivedData.store({
        from: `writer-${messageId[0]}` as never,
        messageId,
        channel: 'crash',
        contentType: 'text/plain',
        payload: randomBytes(200),
      });
      tx.events.add({ event: 'stored', text: messageId.toString('hex') });
    });
    process.stdout.write(`${messageId.toString('hex')}\n`);
  }
}

for (let i = 0; i < 8; i++) void write();

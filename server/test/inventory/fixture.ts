import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EntityId, entityId, type PnId, pnId, type UserId, userId } from '@cpns/shared';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { onTestFinished } from 'vitest';
import type { Database, Tx } from '../../src/inventory/database.js';
import { type DatabaseOptions, openDatabase } from '../../src/inventory/open-database.js';
import { limits } from './limits.js';

export interface TestDatabase {
  readonly db: Database;
  readonly clock: VirtualClock;
  readonly logger: MemoryLogger;
}

/** A directory of its own, removed after the test. */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cpns-inventory-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A database, closed after the test. In memory unless there is a `path`. */
export function testDatabase(options: Partial<DatabaseOptions> = {}): TestDatabase {
  const clock = new VirtualClock();
  const logger = new MemoryLogger();
  const db = openDatabase({ path: ':memory:', clock, logger, entropy: new InsecureSeededEntropy('inventory'), limits, ...options });
  onTestFinished(() => db.close());
  return { db, clock, logger };
}

export const alice: UserId = userId('alice');
export const phone: EntityId = entityId('phone');
export const laptop: EntityId = entityId('laptop');
export const board: EntityId = entityId('board');
export const home: PnId = pnId('00112233445566778899aabbccddeeff');

export function octets(length: number, value = 7): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** Alice with a phone, a laptop and a board. */
export function addAlice(tx: Tx): void {
  tx.users.add(alice, { services: ['pn-gw'], chargeable: true });
  for (const device of [phone, laptop, board]) tx.devices.add(device, alice);
}

/** Alice's PN behind her phone. */
export function addHome(tx: Tx, members: readonly EntityId[] = [laptop]): void {
  for (const member of members) tx.devices.registered(member, octets(40));
  tx.pns.create({
    pnId: home,
    gateway: phone,
    initiator: laptop,
    shareMembers: true,
    sealedKey: octets(48, 1),
    members: members.map((entityId) => ({ entityId, contents: undefined })),
  });
}

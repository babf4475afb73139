import { stripVTControlCharacters } from 'node:util';
import { plural } from '@cpns/shared/node';
import { type Mutant, Workshop } from '../../../mutants/workshop.js';
import { GUARDS, type Guard } from './guards.js';

/** Bugs as they happen to good programmers. The invariants must find each of them within {@link WITHIN} schedules. */
export const PLANTED: readonly Mutant[] = [
  {
    name: 'hash_server is not compared',
    file: 'shared/src/security/pne-handshake.ts',
    find: 'if (!this.#provider.equal(state.hashServer, hashServer)) {',
    replace: 'if (hashServer.length === 0) {',
  },
  {
    name: 'a LocalEUKey stays when its PN goes',
    file: 'agent/src/entity/device-state.ts',
    find: 'of this.#store.keys(`lk/',
    replace: 'of this.#store.keys(`no-lk/',
  },
  {
    name: 'who leaves knows the PN key of those who stay',
    file: 'server/src/inventory/sqlite-pn-inventory.ts',
    find: "sqlite.run('UPDATE pns SET version = version + 1, key_epoch = key_epoch + 1, sealed_key",
    replace: "sqlite.run('UPDATE pns SET version = version + 1, key_epoch = key_epoch + 0, sealed_key",
  },
  {
    name: 'a removal makes no new inventory version',
    file: 'server/src/inventory/sqlite-pn-inventory.ts',
    find: "sqlite.run('UPDATE pns SET version = version + 1, key_epoch = key_epoch + 1, sealed_key",
    replace: "sqlite.run('UPDATE pns SET version = version + 0, key_epoch = key_epoch + 1, sealed_key",
  },
  {
    name: 'a PN key is not handed out',
    file: 'agent/src/gateway/pn-key.ts',
    find: '!link.hasPan(pnId) || context.removals.has(pnId, pne)) return',
    replace: '!link.hasPan(pnId) || record.pnKeyEpoch > 0) return',
  },
  {
    name: 'a PNE keeps the PN without its LocalEUKey',
    file: 'agent/src/pne/accept.ts',
    find: '    keys.keep(changes, pnId, gateway);',
    replace: '',
  },
  {
    name: 'a counter stands still and its nonce is used again',
    file: 'shared/src/security/ordered-records.ts',
    find: '    this.seq++;',
    replace: '    if (this.seq !== 2) this.seq++;',
  },
  {
    name: 'a PN key is logged',
    file: 'agent/src/gateway/pn-key.ts',
    find: '  return { epoch, key, graceMs, inventoryVersion };',
    replace:
      "  context.logger.debug('a PN key came', { key: [...key].map((octet) => octet.toString(16).padStart(2, '0')).join('') });\n" +
      '  return { epoch, key, graceMs, inventoryVersion };',
  },
  {
    name: 'the server goes on listing who left',
    file: 'server/src/inventory/sqlite-pn-inventory.ts',
    find: "'DELETE FROM pn_members WHERE pn_id = ? AND entity_id = ?'",
    replace: "'DELETE FROM pn_members WHERE pn_id = ? AND entity_id = ? AND state = 0'",
  },
  {
    name: 'who ends a pairing keeps the PNs that rest on it',
    file: 'agent/src/entity/device.ts',
    find: 'await this.#pne.leaveGateway(peer);',
    replace: '',
  },
  {
    name: 'a guest comes in whatever its owner says',
    file: 'server/src/enabler/confirm.ts',
    find: 'const confirmed = passed.filter((proven) => !guests.includes(proven) || statuses.get(proven.pne) === Status.Success);',
    replace: 'const confirmed = passed;',
  },
  {
    name: 'a guest may release the PN of its host',
    file: 'server/src/enabler/release.ts',
    find: 'return initiator === pn.initiator || member.userId === devices.find(pn.gateway)?.userId;',
    replace: 'return true;',
  },
  {
    name: 'who comes in knows the PN key from before',
    file: 'server/src/inventory/sqlite-pn-inventory.ts',
    find: "const sql = 'UPDATE pns SET version = version + 1, key_epoch = key_epoch + 1, sealed_key",
    replace: "const sql = 'UPDATE pns SET version = version + 1, key_epoch = key_epoch + 0, sealed_key",
  },
  {
    name: 'who leaves a group knows the Group Key of those who stay',
    file: 'shared/src/security/key-tree/key-tree.ts',
    find: 'const groupKey = this.#renewGroupKey(epoch);',
    replace: 'const groupKey = leaves.length > 0 ? undefined : this.#renewGroupKey(epoch);',
  },
  {
    name: 'who leaves a PN stays in the groups reached through it',
    file: 'server/src/enabler/groups/removal.ts',
    find: 'if (group !== undefined) changeGroup(',
    replace: 'if (group?.epoch === 0) changeGroup(',
  },
  {
    name: 'a PN GW goes on carrying a group for who left it',
    file: 'server/src/enabler/groups/change.ts',
    find: 'tellGateways(context, tx, after, [...newcomers, ...leaving]);',
    replace: 'tellGateways(context, tx, after, newcomers);',
  },
  {
    name: 'the keys of a group stay when it goes',
    file: 'agent/src/entity/groups/group-book.ts',
    find: 'this.#state.forgetGroup(changes, sgId);',
    replace:
      "this.#state.forgetGroup(changes, sgId);\n    for (const key of [...changes.keys()]) if (key.startsWith('sg-keys/')) changes.delete(key);",
  },
];

/** Every planted bug is to be found within so many schedules. */
const WITHIN = 1_000;
const BUILD_MS = 240_000;
const PLAY_MS = 400_000;
const TEST_MS = 120_000;
const NAME_WIDTH = 52;

/**
 * Plants one bug after the other in a copy of the source tree, and says whether the schedules, or for a guard its tests, find it. Returns
 * the exit code.
 */
export async function findPlanted(
  print: (line: string) => void,
  mutants: readonly Mutant[] = PLANTED,
  guards: readonly Guard[] = GUARDS,
): Promise<number> {
  const workshop = await Workshop.open();
  let missed = 0;
  const plant = async (mutant: Mutant, look: () => Promise<Finding>) => {
    await workshop.plant(mutant);
    const { found, says } = await look();
    if (!found) missed++;
    print(`${found ? 'found   ' : 'missed  '} ${mutant.name.padEnd(NAME_WIDTH)} ${says}`);
    await workshop.restore();
  };
  try {
    for (const mutant of mutants) await plant(mutant, () => lookFor(workshop));
    for (const guard of guards) await plant(guard, () => test(workshop, guard));
  } finally {
    await workshop.close();
  }
  const planted = mutants.length + guards.length;
  print(`${plural(planted, 'planted bug')}: ${missed} missed`);
  print(`${planted - missed} passed, ${missed} failed, 0 skipped`);
  return missed === 0 ? 0 : 1;
}

interface Finding {
  readonly found: boolean;
  readonly says: string;
}

/** Runs the tests of a guard on the copy as it is. */
async function test(workshop: Workshop, { tests }: Guard): Promise<Finding> {
  const { code, output } = await workshop.vitest(tests, TEST_MS);
  const finding = stripVTControlCharacters(output)
    .split('\n')
    .find((line) => line.startsWith(' FAIL '));
  if (code !== 1 || finding === undefined) return { found: false, says: `not noticed by ${tests.join(', ')}` };
  return { found: true, says: finding.slice(' FAIL '.length).trim() };
}

/** Compiles the copy as it is, and plays until something is wrong. */
async function lookFor(workshop: Workshop): Promise<Finding> {
  const built = await workshop.build(BUILD_MS);
  if (built.code !== 0) return { found: false, says: `does not compile: ${built.output.trim().split('\n')[0]}` };
  const words = ['simulation', '--schedules', String(WITHIN), '--fail-fast'];
  const { code, output } = await workshop.run('hardware-tests/dist/rigs/main.js', words, PLAY_MS);
  const finding = output.split('\n').find((line) => line.startsWith('! '));
  if (code === 1 && finding !== undefined) return { found: true, says: `${/seed \d+/.exec(output)?.[0]}: ${finding.slice(2)}` };
  return { found: false, says: `not found: ${output.trim().split('\n').at(-1)}` };
}

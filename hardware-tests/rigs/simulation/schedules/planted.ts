import { plural } from '@cpns/shared/node';
import { type Mutant, Workshop } from '../../../mutants/workshop.js';

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
    find: 'SET version = version + 1, key_epoch = key_epoch + 1, sealed_key = ? WHERE',
    replace: 'SET version = version + 1, key_epoch = key_epoch + 0, sealed_key = ? WHERE',
  },
  {
    name: 'a removal makes no new inventory version',
    file: 'server/src/inventory/sqlite-pn-inventory.ts',
    find: 'SET version = version + 1, key_epoch = key_epoch + 1, sealed_key = ? WHERE',
    replace: 'SET version = version + 0, key_epoch = key_epoch + 1, sealed_key = ? WHERE',
  },
  {
    name: 'a PN key is not handed out',
    file: 'agent/src/gateway/pn-key.ts',
    find: "!link.hasPan(pnId)) return 'absent';",
    replace: "!link.hasPan(pnId) || record.pnKeyEpoch > 0) return 'absent';",
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
];

/** Every planted bug is to be found within so many schedules. */
const WITHIN = 1_000;
const BUILD_MS = 240_000;
const PLAY_MS = 400_000;
const NAME_WIDTH = 52;

/** Plants one bug after the other in a copy of the source tree, and says whether the schedules find it. Returns the exit code. */
export async function findPlanted(print: (line: string) => void, mutants: readonly Mutant[] = PLANTED): Promise<number> {
  const workshop = await Workshop.open();
  let missed = 0;
  try {
    for (const mutant of mutants) {
      await workshop.plant(mutant);
      const how = await lookFor(workshop);
      if (!how.found) missed++;
      print(`${how.found ? 'found   ' : 'missed  '} ${mutant.name.padEnd(NAME_WIDTH)} ${how.says}`);
      await workshop.restore();
    }
  } finally {
    await workshop.close();
  }
  print(`${plural(mutants.length, 'planted bug')}: ${missed} missed`);
  print(`${mutants.length - missed} passed, ${missed} failed, 0 skipped`);
  return missed === 0 ? 0 : 1;
}

/** Compiles the copy as it is, and plays until something is wrong. */
async function lookFor(workshop: Workshop): Promise<{ readonly found: boolean; readonly says: string }> {
  const built = await workshop.build(BUILD_MS);
  if (built.code !== 0) return { found: false, says: `does not compile: ${built.output.trim().split('\n')[0]}` };
  const words = ['simulation', '--schedules', String(WITHIN), '--fail-fast'];
  const { code, output } = await workshop.run('hardware-tests/dist/rigs/main.js', words, PLAY_MS);
  const finding = output.split('\n').find((line) => line.startsWith('! '));
  if (code === 1 && finding !== undefined) return { found: true, says: `${/seed \d+/.exec(output)?.[0]}: ${finding.slice(2)}` };
  return { found: false, says: `not found: ${output.trim().split('\n').at(-1)}` };
}

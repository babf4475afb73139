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
    name: 'the server does not compare inventory versions',
    file: 'server/src/enabler/reconcile.ts',
    find: 'if (pn.version === entry.inventoryVersion) differing.delete(pnId);',
    replace: 'if (pn.version > 0) differing.delete(pnId);',
  },
  {
    name: 'a removal that the server did not hear is forgotten',
    file: 'agent/src/gateway/membership.ts',
    find: "    } catch (error) {\n      context.logger.notice('a removal has to wait",
    replace:
      "    } catch (error) {\n      context.removals.done(pnId, [...context.removals.of(pnId).keys()]);\n      context.logger.notice('a removal has to wait",
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
    find: '  return { epoch: body.epoch, key: body.key, graceMs: body.graceMs };',
    replace:
      "  context.logger.debug('a PN key came', { key: [...body.key].map((octet) => octet.toString(16).padStart(2, '0')).join('') });\n" +
      '  return { epoch: body.epoch, key: body.key, graceMs: body.graceMs };',
  },
  {
    name: 'who never confirms stays registered',
    file: 'server/src/enabler/unconfirmed.ts',
    find: 'if (pn !== undefined) removeMembers(',
    replace: 'if (pn !== undefined && pnes.length > 1_000) removeMembers(',
  },
  {
    name: 'a PAN session outlives the run that failed',
    file: 'agent/src/pne/accept.ts',
    find: 'context.clock.after(0, () => leaveHop(context, pnId, run.link));',
    replace: 'context.clock.after(1e9, () => leaveHop(context, pnId, run.link));',
  },
  {
    name: 'a request that comes again is carried out again',
    file: 'server/src/enabler/uplink-door.ts',
    find: "if (seen?.kind === 'repeated') return incoming.send(seen.answer);",
    replace: '',
  },
  {
    name: 'a revoked device stays in its PNs',
    file: 'server/src/enabler/revoke.ts',
    find: 'for (const pn of tx.pns.ofMember(entityId)) {',
    replace: 'for (const pn of tx.pns.ofMember(entityId).slice(1)) {',
  },
  {
    name: 'who ends a pairing keeps the PNs that rest on it',
    file: 'agent/src/entity/device.ts',
    find: 'await this.#pne.leaveGateway(peer);',
    replace: '',
  },
  {
    name: 'who missed a PN key is not given it later',
    file: 'agent/src/gateway/reconcile.ts',
    find: 'if (entry !== undefined && pnKeyEpoch > entry.pnKeyEpoch) behind(',
    replace: 'if (entry !== undefined && pnKeyEpoch > entry.pnKeyEpoch + 100) behind(',
  },
  {
    name: 'a message that comes again is shown again',
    file: 'agent/src/entity/inbox.ts',
    find: 'if (this.#ids.has(id)) return false;',
    replace: "if (this.#ids.has('')) return false;",
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

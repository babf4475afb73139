import { join } from 'node:path';
import type { SgId } from '@cpns/shared';
import { nativeProvider as provider } from '@cpns/shared/node';
import { fromHex, KeyTree, type Rekey, Secret, toHex } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryNodeStore, SeededChoices } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { withTree } from '../../src/enabler/groups/tree.js';
import type { Database } from '../../src/inventory/database.js';
import { sealerFor } from '../../src/keys/sealer.js';
import { addAlice, alice, phone, testDatabase, testDirectory } from '../inventory/fixture.js';

const SG_ID = '0f'.repeat(16) as SgId;
const groupKeys = sealerFor(provider, new Secret('master key', new Uint8Array(32).fill(1)), 'group-key');

type Work = (tree: KeyTree) => Rekey;

/** One tree in memory and one in the inventory, from the same random octets. */
async function twoTrees(path = ':memory:') {
  const { db } = testDatabase({ path });
  await db.transact((tx) => {
    addAlice(tx);
    tx.groups.create({ sgId: SG_ID, name: 'g', owner: phone, ownerUser: alice, serviceId: undefined, open: false, objects: [] });
  });
  const [ours, theirs] = [new InsecureSeededEntropy(1), new InsecureSeededEntropy(1)];
  const memory = new KeyTree(fromHex(SG_ID), new MemoryNodeStore(), { provider, entropy: theirs });
  const stored = (work: Work, on: Database = db) =>
    on.transact((tx) => withTree({ groupKeys, provider, entropy: ours }, SG_ID, tx.groups.nodes(SG_ID), work));
  return { db, memory, stored };
}

describe('the key tree in the inventory', () => {
  it('gives octet for octet what one in memory gives, whoever comes and goes', async () => {
    const { memory, stored, db } = await twoTrees();
    const choices = new SeededChoices(1);
    const present: number[] = [];
    for (let epoch = 1n; epoch <= 60n; epoch++) {
      const leaves = choices.shuffled(present).slice(0, choices.below(4));
      const joins = choices.below(epoch % 10n === 0n ? 30 : 4);
      const work: Work = (tree) => (epoch % 7n === 0n ? tree.rotate(epoch) : tree.change(epoch, { joins, leaves }));
      const rekey = work(memory);
      expect(await stored(work)).toEqual(rekey);
      if (epoch % 7n === 0n) continue;
      for (const leaf of leaves) present.splice(present.indexOf(leaf), 1);
      present.push(...rekey.joined);
    }
    expect(db.reads.groups.find(SG_ID)?.height).toBeGreaterThan(2);
    for (const leaf of present) {
      const path = await db.transact((tx) =>
        withTree({ groupKeys, provider, entropy: new InsecureSeededEntropy(2) }, SG_ID, tx.groups.nodes(SG_ID), (tree) =>
          tree.resync(60n, leaf).records.map(({ wrapped }) => toHex(wrapped)),
        ),
      );
      expect(path).toEqual(memory.resync(60n, leaf).records.map(({ wrapped }) => toHex(wrapped)));
    }
  });

  it('goes on after a restart of the server, also from leaves that were left before it', async () => {
    const path = join(testDirectory(), 'cpns.db');
    const { memory, stored, db } = await twoTrees(path);
    for (const work of [
      (tree) => tree.change(1n, { joins: 20, leaves: [] }),
      (tree) => tree.change(2n, { joins: 0, leaves: [3, 9, 19] }),
    ] satisfies Work[]) {
      expect(await stored(work)).toEqual(work(memory));
    }
    db.close();
    const { db: again } = testDatabase({ path });
    const join4: Work = (tree) => tree.change(3n, { joins: 4, leaves: [0] });
    const rekey = join4(memory);
    expect(await stored(join4, again)).toEqual(rekey);
    expect(rekey.joined).toEqual([0, 3, 9, 19]);
  });

  it('is what it was when its transaction fails', async () => {
    const { memory, stored, db } = await twoTrees();
    const first: Work = (tree) => tree.change(1n, { joins: 4, leaves: [] });
    expect(await stored(first)).toEqual(first(memory));
    const other = new InsecureSeededEntropy('lost');
    await expect(
      db.transact((tx) => {
        withTree({ groupKeys, provider, entropy: other }, SG_ID, tx.groups.nodes(SG_ID), (tree) =>
          tree.change(2n, { joins: 5, leaves: [1] }),
        );
        throw new Error('lost');
      }),
    ).rejects.toThrow('lost');
    expect(db.reads.groups.find(SG_ID)?.height).toBe(1);
    const second: Work = (tree) => tree.change(2n, { joins: 5, leaves: [2] });
    expect(await stored(second)).toEqual(second(memory));
  });
});

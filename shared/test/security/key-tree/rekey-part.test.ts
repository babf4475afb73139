import { describe, expect, it } from 'vitest';
import { serverId } from '../../../src/ids.js';
import { type CborValue, encodeCbor } from '../../../src/messages/cbor.js';
import {
  concernsLeaf,
  GROUP_KEY_NODE,
  type GroupRecord,
  nobleProvider,
  nodeAt,
  openRekeyPart,
  parseRekeyPart,
  REKEY_PART_MAX,
  type SignedRekeyPart,
  signedRekeyParts,
} from '../../../src/security/index.js';
import { TestGroup } from '../../../src/testing/index.js';

const provider = nobleProvider;
const { idServer, sgId, sign, serverKeys } = new TestGroup(provider);

const wrapped = new Uint8Array(48);
const groupKey: GroupRecord = { node: GROUP_KEY_NODE, version: 2, underNode: nodeAt(1, 0), underVersion: 1, wrapped };

/** A part as it should be, but for some entries. */
function part(other: readonly (readonly [number, CborValue | undefined])[] = []): Uint8Array {
  const map = new Map<number, CborValue>([
    [1, idServer],
    [2, sgId],
    [3, 5],
    [4, 1],
    [5, 10_000],
    [6, 60_000],
    [7, 0],
    [8, 1],
    [9, [item()]],
  ]);
  for (const [key, value] of other) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
  return encodeCbor(map);
}

const item = (other: Partial<GroupRecord> = {}): CborValue => {
  const { node, version, underNode, underVersion, wrapped } = { ...groupKey, ...other };
  return [node, version, underNode, underVersion, wrapped];
};

describe('a part of a rekey', () => {
  it('is read as it was written', () => {
    const sent = { idServer, sgId, epoch: 2n ** 60n, keyId: 1, switchAfterMs: 10_000, graceMs: 60_000 };
    const [signed] = signedRekeyParts(sent, [groupKey], sign) as [SignedRekeyPart];
    expect(openRekeyPart(provider, serverKeys, signed.part, signed.signature)).toEqual({
      ...sent,
      index: 0,
      count: 1,
      records: [groupKey],
    });
  });

  it('is as large as it may be, and no larger, and all parts together hold all records in order', () => {
    const group = new TestGroup(provider);
    group.change(1024);
    const { records, parts } = group.change(
      0,
      Array.from({ length: 200 }, (_, i) => 5 * i + 1),
    );
    const read = parts.map((signed) => parseRekeyPart(signed.part));
    expect(read.flatMap((one) => one.records)).toEqual(records);
    expect(read.map(({ index, count }) => [index, count])).toEqual(parts.map((_, i) => [i, parts.length]));
    for (const signed of parts.slice(0, -1)) {
      expect(signed.part.length).toBeLessThanOrEqual(REKEY_PART_MAX);
      expect(signed.part.length).toBeGreaterThan(REKEY_PART_MAX - 100);
    }
  });

  it('is filled as far as an index of the last of 1,024 parts leaves room', () => {
    const group = new TestGroup(provider);
    group.change(1024);
    const leaves = Array.from({ length: 100 }, (_, i) => 5 * i + 1);
    const { records } = group.tree.change(2n, { joins: 0, leaves });
    const lengths = Array.from({ length: 64 }, (_, i) => {
      const [{ part: first }] = group.parts(records, { idServer: serverId('s'.repeat(i + 1)) }) as [SignedRekeyPart];
      return first.length;
    });
    // Index and number of parts take two octets less each when they are below 24, the list of records one less below 256.
    expect(Math.max(...lengths)).toBe(REKEY_PART_MAX - 5);
  });

  it.each<[string, readonly (readonly [number, CborValue | undefined])[]]>([
    ['an entry too few', [[6, undefined]]],
    ['an entry too many', [[10, 1]]],
    ['a number for a server', [[1, 5]]],
    ['text for an SG ID', [[2, 'sixteen letters.']]],
    ['text for records', [[9, 'text']]],
    ['text for a record', [[9, ['abcde']]]],
    ['text for a wrapped key', [[9, [[GROUP_KEY_NODE, 2, nodeAt(1, 0), 1, 'x'.repeat(48)]]]]],
    ['a record with too much', [[9, [[GROUP_KEY_NODE, 2, nodeAt(1, 0), 1, wrapped, 1]]]]],
    ['a node under what is far below it', [[9, [item({ node: nodeAt(3, 0), underNode: nodeAt(1, 0) })]]]],
    ['no server', [[1, 'Not A Server']]],
    ['a short SG ID', [[2, new Uint8Array(15)]]],
    ['an epoch that is text', [[3, '5']]],
    ['a key id of more than 32 bits', [[4, 2 ** 32]]],
    ['an index that there is not', [[7, 1]]],
    ['too many parts', [[8, 1025]]],
    ['no records', [[9, []]]],
    ['a record with too little', [[9, [[1, 2, 3, 4]]]]],
    ['a short wrapped key', [[9, [item({ wrapped: new Uint8Array(47) })]]]],
    ['a version that is no number', [[9, [[GROUP_KEY_NODE, 'x', nodeAt(1, 0), 1, wrapped]]]]],
    ['a Group Key under a leaf', [[9, [item({ underNode: 0 })]]]],
    ['a node under the Group Key', [[9, [item({ node: nodeAt(1, 0), underNode: GROUP_KEY_NODE })]]]],
    ['a node under a neighbour', [[9, [item({ node: 1, underNode: 0 })]]]],
    ['a node under what is not its child', [[9, [item({ node: nodeAt(2, 0), underNode: 0 })]]]],
    ['a node under a later version of itself', [[9, [item({ node: nodeAt(1, 0), version: 1, underVersion: 1 })]]]],
    ['a leaf under itself', [[9, [item({ node: 3, underNode: 3 })]]]],
    ['a node above the highest tree', [[9, [item({ node: nodeAt(10, 0), underNode: nodeAt(9, 0) })]]]],
    ['a record twice', [[9, [item(), item()]]]],
    ['records that are not in order', [[9, [item(), item({ node: nodeAt(1, 0), underNode: 1 })]]]],
  ])('is refused with %s', (_, other) => {
    expect(() => parseRekeyPart(part(other))).toThrow(expect.objectContaining({ code: 'BadMessage' }));
  });

  it('is read in the form in which those that are refused are written', () => {
    expect(parseRekeyPart(part())).toMatchObject({ epoch: 5n, records: [groupKey] });
    expect(
      parseRekeyPart(
        part([
          [4, 0xffff_ffff],
          [7, 1023],
          [8, 1024],
        ]),
      ),
    ).toMatchObject({ keyId: 0xffff_ffff, index: 1023, count: 1024 });
    const records = [item({ node: nodeAt(1, 0), underNode: 1 }), item({ node: nodeAt(1, 0), version: 2, underVersion: 1 }), item()];
    expect(parseRekeyPart(part([[9, records]])).records).toHaveLength(3);
    expect(parseRekeyPart(part([[9, [item({ node: nodeAt(9, 0), underNode: nodeAt(8, 0) })]]])).records).toHaveLength(1);
  });

  it('concerns those below the nodes that it speaks of, which a relay sees without a key', () => {
    const group = new TestGroup(provider);
    group.change(20);
    const [one] = group.change(0, [5]).parts as [SignedRekeyPart];
    const read = parseRekeyPart(one.part);
    // Under the neighbours of leaf 5, and under the other nodes of both levels above.
    for (const leaf of [0, 4, 6, 15, 16, 19]) expect(concernsLeaf(read, leaf)).toBe(true);
    const low = { ...read, records: read.records.slice(0, 1) };
    expect([4, 5, 6, 20].map((leaf) => concernsLeaf(low, leaf))).toEqual([true, false, false, false]);
  });
});

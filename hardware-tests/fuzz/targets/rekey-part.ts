import { nativeProvider as provider } from '@cpns/shared/node';
import { concernsLeaf, type MemberKeys, openRekeyPart, parseRekeyPart, type SignedRekeyPart, signRekeyPart } from '@cpns/shared/security';
import { TestGroup } from '@cpns/shared/testing';
import { must, sameOctets, unlessRefused } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';

const LEAF = 6;
/** So many inputs see the same member: what is signed may well bring it to another epoch. */
const INPUTS_PER_MEMBER = 500;
const UNSIGNED = new Uint8Array(64).fill(1);

/** A tree of four levels above its leaves. */
function group70(): TestGroup {
  const group = new TestGroup(provider);
  group.change(70);
  return group;
}

function openMember(): OpenTarget {
  const group = group70();
  const { state } = group.member(LEAF);
  const victim = group.newcomer(state);
  const [genuine] = group.change(0, [0]).parts as [SignedRekeyPart];
  let gullible: MemberKeys = group.newcomer(state);
  let given = 0;
  return {
    fuzz(data) {
      if (++given % INPUTS_PER_MEMBER === 0) gullible = group.newcomer(state);
      const refused = unlessRefused(['Auth'], () => victim.take({ part: data, signature: UNSIGNED }));
      must(refused === undefined, 'a rekey was taken that nobody signed');
      must(victim.take(genuine).outcome === 'keys', 'a forged rekey stood in the way of a genuine one');
      // As a server that has gone wrong would sign it.
      const signed = { part: data, signature: signRekeyPart(group.sign, data) };
      unlessRefused(['Codec', 'Auth'], () => gullible.take(signed));
      unlessRefused(['Codec', 'Auth'], () => group.newcomer().takeResync({ ...signed, leaf: LEAF, leafKey: new Uint8Array(32) }));
      const read = unlessRefused(['Codec', 'Auth'], () => openRekeyPart(provider, group.serverKeys, data, signed.signature));
      if (read === undefined) return;
      concernsLeaf(read, LEAF);
      const { index, count, records, ...header } = read;
      const [again] = group.parts(records, header) as [SignedRekeyPart];
      must(index > 0 || count > 1 || sameOctets(again.part, data), 'a part is accepted in two forms');
    },
    close() {
      victim.erase();
    },
  };
}

export const rekeyPart: FuzzTarget = {
  name: 'rekey-part',
  title: 'rekeys of a group, also from a server that signs anything',
  seeds() {
    const [group, crowd] = [group70(), new TestGroup(provider)];
    crowd.change(1024);
    const leavesOfCrowd = Array.from({ length: 200 }, (_, i) => 5 * i + 1);
    const rekeys = {
      leave: group.change(0, [0]),
      join: group.change(1),
      rotation: group.rotate(),
      batch: group.change(2, [7, 33, 64]),
      'last-of-many': crowd.change(0, leavesOfCrowd),
    };
    const seeds = Object.entries(rekeys).map(([name, { parts }]) => [name, (parts.at(-1) as SignedRekeyPart).part] as const);
    return new Map([...seeds, ['resync', group.resync(LEAF).part]]);
  },
  open: openMember,
};

/** Many more inputs than where each is signed and verified. */
export const rekeyReader: FuzzTarget = {
  name: 'rekey-reader',
  title: 'the reader of rekeys, behind the signature',
  seedsOf: 'rekey-part',
  open: () => ({ fuzz: (data) => void unlessRefused(['Codec'], () => parseRekeyPart(data)) }),
};

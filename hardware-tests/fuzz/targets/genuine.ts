import { encodeCbor } from '@cpns/shared/messages';

/** Contents from one octet to the largest, as seeds of the record layers. */
export const CONTENTS: ReadonlyMap<string, Uint8Array> = new Map([
  ['empty', new Uint8Array(0)],
  ['one-octet', new Uint8Array([0xa0])],
  ['bucket-full', new Uint8Array(63).fill(1)],
  [
    'envelope',
    encodeCbor(
      new Map<number, number | string | Uint8Array>([
        [1, 1],
        [2, 8],
        [3, new Uint8Array(16)],
        [4, 'phone'],
      ]),
    ),
  ],
  ['zeros-at-the-end', new Uint8Array([1, 2, 3, 0, 0, 0])],
  ['kilobyte', new Uint8Array(1024).fill(7)],
]);

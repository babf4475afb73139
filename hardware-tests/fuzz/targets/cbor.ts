import { decodeCbor, encodeCbor } from '@cpns/shared/messages';
import { reshapeCbor } from '../cbor-tree.js';
import { must, sameOctets, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';

export const cbor: FuzzTarget = {
  name: 'cbor',
  title: 'the CBOR codec: what it accepts has one form',
  reshape: reshapeCbor,
  seedsOf: 'messages',
  open: () => ({
    fuzz(data) {
      const value = unlessRefused(['Codec'], () => decodeCbor(data));
      if (value !== undefined) must(sameOctets(encodeCbor(value), data), 'what was read is written in another form');
    },
  }),
};

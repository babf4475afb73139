import { readIntroduction, writeIntroduction } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { must } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

export const announcement: FuzzTarget = {
  name: 'announcement',
  title: 'what a device that is asked by address says of itself',
  tokens: ['{', '}', '"', ':', '"__proto__":', '"id":', '"v":"1"', '"mode":', 'null', '[', ']', '\\u0000', '1e999', '{"a":'.repeat(50)],
  seeds: () =>
    new Map(
      Object.entries(Mode).map(([name, mode]) => [name, octetsOf(writeIntroduction(entityId('board'), { mode, pairing: mode % 2 === 0 }))]),
    ),
  open: () => ({
    fuzz(data) {
      const read = readIntroduction(textOf(data));
      if (read === undefined) return;
      const again = readIntroduction(writeIntroduction(read.id, read));
      must(again?.id === read.id && again.mode === read.mode && again.pairing === read.pairing, 'an introduction does not come back');
    },
  }),
};

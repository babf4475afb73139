import { entityId, pnId } from '@cpns/shared';
import type { PnReport } from '../../src/control/api/networks.js';

export const board = entityId('board-1');
export const laptop = entityId('laptop');

/** A PN of the laptop, told by its PNE board-1. */
export const network: PnReport = {
  pnId: pnId('0123456789abcdef0123456789abcdef'),
  state: 'Established',
  gateway: laptop,
  role: 'PNE',
  members: 2,
  inventoryVersion: 3,
  inventory: [
    { id: laptop, state: 'Member' },
    { id: board, state: 'Member' },
  ],
  keyEpoch: 1,
  hops: [{ pne: board, up: true, protectedBy: 'LocalEUKey', forwardSecret: true }],
  serverSession: { up: true, forwardSecret: true },
};

import type { InventoryLimits } from '../../src/inventory/context.js';

export const limits: InventoryLimits = {
  outboxMessagesPerEntity: 1_000,
  outboxOctetsPerEntity: 1_048_576,
  outboxKeptMs: 86_400_000,
  answersKeptMs: 86_400_000,
  pnsPerGateway: 16,
  membersPerPn: 1_000,
  groupsPerDevice: 64,
  membersPerGroup: 65_536,
};

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
  groupKeptMessagesPerGroup: 1_000,
  groupKeptOctetsPerGroup: 4_194_304,
  groupKeptCopiesPerGroup: 4_096,
  groupKeptMessagesPerMember: 500,
  groupKeptMs: 604_800_000,
};

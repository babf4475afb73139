import type { DeviceCapabilities } from '../capabilities.js';

/** One line of a score, as `peers --explain` shows it. */
export interface ScoreLine {
  readonly what: string;
  readonly value: string;
  readonly points: number;
}

/** How well a device is suited to be PN GW (protocol 0.21). */
export interface Score {
  /** Meets every hard need. */
  readonly eligible: boolean;
  /** Hard needs that are not met, one sentence each. */
  readonly missing: readonly string[];
  readonly lines: readonly ScoreLine[];
  /** Sum of the points; a whole number, so that both ends of a link agree on it. */
  readonly total: number;
}

const MAX_CORES = 8;
const MAX_MEMORY_GIB = 8;
const MAX_PAIRED = 20;
const BATTERY_STEP_PERCENT = 5;

/** The score of Device Capabilities as they were sent. Link quality is not part of it: the two ends would disagree. */
export function scoreOf(capabilities: DeviceCapabilities): Score {
  const missing: string[] = [];
  if (!capabilities.reachesServer) missing.push('It does not reach the CPNS Server.');
  if (!capabilities.subscribed) missing.push('Its subscription does not allow it to be PN GW.');
  if (!capabilities.canRoute) missing.push('It cannot route for others.');
  const batterySteps = Math.floor(capabilities.batteryPercent / BATTERY_STEP_PERCENT);
  const cores = Math.min(capabilities.cores, MAX_CORES);
  const memoryGiB = Math.min(Math.floor(capabilities.memoryMiB / 1024), MAX_MEMORY_GIB);
  const paired = Math.min(capabilities.pairedPnes, MAX_PAIRED);
  const lines: ScoreLine[] = [
    { what: "owner's preference", value: String(capabilities.preference), points: capabilities.preference * 10_000 },
    { what: 'mains power', value: capabilities.mains ? 'yes' : 'no', points: capabilities.mains ? 4_000 : 0 },
    { what: 'battery', value: `${capabilities.batteryPercent} %`, points: batterySteps * 20 },
    { what: 'processor cores', value: String(capabilities.cores), points: cores * 50 },
    { what: 'memory', value: `${Math.floor(capabilities.memoryMiB / 1024)} GiB`, points: memoryGiB * 25 },
    { what: 'paired devices', value: String(capabilities.pairedPnes), points: paired * 5 },
  ];
  return { eligible: missing.length === 0, missing, lines, total: lines.reduce((sum, line) => sum + line.points, 0) };
}

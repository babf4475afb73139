import type { Profile } from '../scenarios/profiles.js';
import type { DeviceSetup } from './rig.js';

/** A restarted server is not run over by three devices. */
const RECOVERY_SPREAD_MS = 500;
/** What a killed PNE has left half-done at the server goes away while a scenario waits for it. */
const ACKNOWLEDGE_TIMEOUT_MS = 8_000;

/** What stands in the configuration file of an agent on every rig. */
export function agentConfiguration({ consent = 'same-user' }: DeviceSetup, profile: Profile) {
  return { device: profile, consent, limits: { recoverySpreadMs: RECOVERY_SPREAD_MS } };
}

/** What stands in the configuration file of the server on every rig. */
export const SERVER_CONFIGURATION = { sessions: { acknowledgeTimeoutMs: ACKNOWLEDGE_TIMEOUT_MS } };

import type { Profile } from '../scenarios/profiles.js';
import type { DeviceSetup } from './rig.js';

/** A restarted server is not run over by three devices. */
const RECOVERY_SPREAD_MS = 500;
/** What a killed PNE has left half-done at the server goes away while a scenario waits for it. */
const ACKNOWLEDGE_TIMEOUT_MS = 8_000;

/** What stands in the configuration file of an agent on every rig; `directory`: where its files are, on a rig that has some. */
export function agentConfiguration(setup: DeviceSetup, profile: Profile, directory?: string) {
  const { consent = 'same-user', confirm = 'ask', admit = 'ask', contents = [] } = setup;
  const offered =
    directory === undefined ? [] : contents.map(({ text: _, ...more }) => ({ ...more, file: contentFile(directory, more.name) }));
  return { device: profile, consent, confirm, admit, contents: offered, limits: { recoverySpreadMs: RECOVERY_SPREAD_MS } };
}

/** Files that the agent of a device needs beside its configuration. */
export function agentFiles({ contents = [] }: DeviceSetup, directory: string): ReadonlyMap<string, string> {
  return new Map(contents.map(({ name, text }) => [contentFile(directory, name), text]));
}

function contentFile(directory: string, name: string): string {
  return `${directory}/contents/${name}`;
}

/** What stands in the configuration file of the server on every rig. */
export const SERVER_CONFIGURATION = { sessions: { acknowledgeTimeoutMs: ACKNOWLEDGE_TIMEOUT_MS } };

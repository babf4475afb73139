import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** What decides where things lie; a parameter so that tests can say so. */
export interface Platform {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

export function thisPlatform(): Platform {
  return { platform: process.platform, env: process.env, home: homedir() };
}

/** Where an agent keeps its state unless told otherwise: `$CPNS_AGENT_STATE`, else the platform's own place. */
export function defaultStateDirectory({ platform, env, home }: Platform): string {
  if (env.CPNS_AGENT_STATE) return resolve(env.CPNS_AGENT_STATE);
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'cpns-agent');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'cpns-agent');
  return join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'cpns-agent');
}

/** Where the configuration is looked for unless told otherwise: `$CPNS_AGENT_CONFIG`, else the platform's own place. */
export function defaultConfigFile({ platform, env, home }: Platform): string {
  if (env.CPNS_AGENT_CONFIG) return resolve(env.CPNS_AGENT_CONFIG);
  if (platform === 'win32') return join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'cpns-agent', 'config.yaml');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'cpns-agent', 'config.yaml');
  return join(env.XDG_CONFIG_HOME || join(home, '.config'), 'cpns-agent', 'config.yaml');
}

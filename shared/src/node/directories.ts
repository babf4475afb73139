import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';
import { CpnsError } from '../errors.js';

/** What the places depend on; {@link thisPlatform} of the running process. */
export interface PlatformFacts {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** Where a program keeps its things. */
export interface AppDirectories {
  /** What must outlive a restart: keys, personal networks. */
  readonly state: string;
  /** What a person edits. */
  readonly config: string;
  /** What ends with the process: the control socket. */
  readonly runtime: string;
}

/** A unix socket address has room for so many octets, without the closing zero. */
const MAX_SOCKET_PATH = { darwin: 103, other: 107 };

export function thisPlatform(): PlatformFacts {
  return { platform: process.platform, env: process.env, home: homedir() };
}

/**
 * The directories of the program `app`: as systemd says when it runs the service, else the places the platform has for it (XDG base
 * directories on Linux and Termux, `Library/Application Support` on macOS, `%LOCALAPPDATA%` on Windows). Nothing is created.
 * @throws CpnsError Config/NoHome
 */
export function appDirectories(app: string, facts: PlatformFacts = thisPlatform()): AppDirectories {
  const places = facts.platform === 'win32' ? windows(app, facts) : facts.platform === 'darwin' ? mac(app, facts) : xdg(app, facts);
  return {
    state: fromSystemd(facts, 'STATE_DIRECTORY') ?? places.state(),
    config: fromSystemd(facts, 'CONFIGURATION_DIRECTORY') ?? places.config(),
    runtime: fromSystemd(facts, 'RUNTIME_DIRECTORY') ?? places.runtime(),
  };
}

/**
 * Address of the local control socket called `name` for the instance that lives in `directory`: a unix socket in it, or on Windows a
 * named pipe whose name depends on it.
 * @throws CpnsError Config/SocketPathTooLong
 */
export function controlSocketPath(directory: string, name: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') {
    const instance = createHash('sha256').update(win32.resolve(directory).toLowerCase()).digest('hex').slice(0, 16);
    return `\\\\.\\pipe\\${name}-${instance}`;
  }
  const path = posix.join(directory, `${name}.sock`);
  const most = platform === 'darwin' ? MAX_SOCKET_PATH.darwin : MAX_SOCKET_PATH.other;
  const length = Buffer.byteLength(path);
  if (length <= most) return path;
  const sentence = `The path of the control socket is ${length} octets long and at most ${most} are possible; choose a shorter directory than ${directory}.`;
  throw new CpnsError('Config', 'SocketPathTooLong', sentence);
}

type Places = { readonly [place in keyof AppDirectories]: () => string };

function xdg(app: string, facts: PlatformFacts): Places {
  const { env, platform } = facts;
  const state = () => posix.join(absolute(env.XDG_STATE_HOME) ?? posix.join(home(facts), '.local', 'state'), app);
  return {
    state,
    config: () => posix.join(absolute(env.XDG_CONFIG_HOME) ?? posix.join(home(facts), '.config'), app),
    runtime: () => {
      const given = absolute(env.XDG_RUNTIME_DIR);
      if (given !== undefined) return posix.join(given, app);
      const termux = platform === 'android' ? absolute(env.PREFIX) : undefined;
      return termux !== undefined ? posix.join(termux, 'var', 'run', app) : posix.join(state(), 'run');
    },
  };
}

function mac(app: string, facts: PlatformFacts): Places {
  const support = () => posix.join(home(facts), 'Library', 'Application Support', app);
  return {
    state: () => posix.join(support(), 'state'),
    config: support,
    runtime: () => posix.join(absolute(facts.env.TMPDIR) ?? posix.join(home(facts), 'Library', 'Caches'), app),
  };
}

function windows(app: string, facts: PlatformFacts): Places {
  const local = () => win32.join(facts.env.LOCALAPPDATA || win32.join(home(facts), 'AppData', 'Local'), app);
  return { state: () => win32.join(local(), 'state'), config: local, runtime: () => win32.join(local(), 'run') };
}

/** The first of the directories that systemd made for the service. */
function fromSystemd(facts: PlatformFacts, variable: string): string | undefined {
  return facts.platform === 'linux' ? absolute(facts.env[variable]?.split(':')[0]) : undefined;
}

/** The XDG specification says to ignore paths that are not absolute. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') ? path : undefined;
}

function home(facts: PlatformFacts): string {
  if (facts.home !== '') return facts.home;
  throw new CpnsError(
    'Config',
    'NoHome',
    'This user has no home directory; name the directories in the configuration or on the command line.',
  );
}

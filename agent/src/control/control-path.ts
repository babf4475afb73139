import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

/** Octets of a unix socket path that every supported system takes, terminating zero included (macOS 104, Linux 108). */
const MAX_SOCKET_PATH_OCTETS = 103;

/**
 * Where the control API of the agent with this state directory is found: a socket under it, or, where that path would be longer than
 * sockets take, in a directory of the same user among the temporary files. A named pipe on Windows.
 */
export function controlPath(stateDirectory: string, platform: NodeJS.Platform = process.platform): string {
  const directory = resolve(stateDirectory);
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  if (platform === 'win32') return `\\\\.\\pipe\\cpns-agent-${digest}`;
  const inside = join(directory, 'control', 'agent.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_OCTETS) return inside;
  return join(tmpdir(), `cpns-agent-${userInfo().uid}-${digest}`, 'agent.sock');
}

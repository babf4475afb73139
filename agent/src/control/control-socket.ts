import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { CpnsError } from '@cpns/shared';
import { controlSocketPath, ensurePrivateDirectory } from '@cpns/shared/node';

/** Where the control API of the agent with this state directory is found. @throws CpnsError Config/SocketPathTooLong */
export function controlPath(stateDirectory: string): string {
  return controlSocketPath(stateDirectory, 'cpns-agent');
}

function isPipe(path: string): boolean {
  return path.startsWith('\\\\.\\pipe\\');
}

/** Whether somebody accepts connections at `path`. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Takes away what a killed agent left behind. @throws CpnsError State/AlreadyRunning when an agent answers there */
async function removeStale(path: string): Promise<void> {
  const left = await lstat(path).catch(() => undefined);
  if (left === undefined) return;
  if (!left.isSocket()) throw new CpnsError('State', 'StoreFailed', `${path} is not a socket; remove it and start again.`);
  if (await answers(path)) {
    throw new CpnsError('State', 'AlreadyRunning', 'Another agent runs on this state directory; stop it first: cpns-agent stop');
  }
  await unlink(path);
}

/**
 * Makes `server` accept at `path`, for the own user only: the directory is 0700 before the socket exists, the socket is 0600.
 * @throws CpnsError State, Config/UnsafePermissions, Config/UnsafeOwner
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  if (!isPipe(path)) {
    await ensurePrivateDirectory(dirname(path));
    await removeStale(path);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new CpnsError('State', 'StoreFailed', `The control API could not be opened at ${path}.`, { cause }));
    });
    server.listen(path, resolve);
  });
  if (!isPipe(path)) await chmod(path, 0o600);
}

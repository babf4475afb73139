import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { CpnsError } from '@cpns/shared';

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

/** The directory of the socket: only its owner comes near. @throws CpnsError State/StateExposed */
async function preparePrivateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found = await lstat(directory);
  if (!found.isDirectory()) {
    throw new CpnsError('State', 'StateExposed', `${directory} is not a directory; remove it and start again.`);
  }
  if (found.uid !== process.getuid?.()) {
    throw new CpnsError('State', 'StateExposed', `${directory} belongs to another user; remove it and start again.`);
  }
  if ((found.mode & 0o077) !== 0) {
    throw new CpnsError('State', 'StateExposed', `${directory} is open to other users; run: chmod 700 '${directory}'`);
  }
}

/** Takes away what a killed agent left behind. @throws CpnsError State/StateLocked when an agent answers there */
async function removeStale(path: string): Promise<void> {
  const left = await lstat(path).catch(() => undefined);
  if (left === undefined) return;
  if (!left.isSocket()) throw new CpnsError('State', 'StateUnusable', `${path} is not a socket; remove it and start again.`);
  if (await answers(path)) {
    throw new CpnsError('State', 'StateLocked', 'Another agent runs on this state directory; stop it first: cpns-agent stop');
  }
  await unlink(path);
}

/**
 * Makes `server` accept at `path`, for the own user only: the directory is 0700 before the socket exists, the socket is 0600.
 * @throws CpnsError State
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  if (!isPipe(path)) {
    await preparePrivateDirectory(dirname(path));
    await removeStale(path);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new CpnsError('State', 'StateUnusable', `The control API could not be opened at ${path}.`, { cause }));
    });
    server.listen(path, resolve);
  });
  if (!isPipe(path)) await chmod(path, 0o600);
}

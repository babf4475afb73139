import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CpnsError, type Entropy } from '@cpns/shared';
import { readPrivateFile, writePrivateFile } from '@cpns/shared/node';
import { Secret, utf8 } from '@cpns/shared/security';

const TOKEN_FILE = 'admin.token';
const ADDRESS_FILE = 'admin.address';
const TOKEN_OCTETS = 32;
const LONGEST_FILE = 512;
/** What a client draws for a {@link proofOf}: 32 octets in hex. */
export const PROOF_NONCE = /^[0-9a-f]{64}$/;

/** Draws the token of the admin API unless there is one. @throws CpnsError Config/..., State/... of the file */
export async function ensureAdminToken(stateDirectory: string, entropy: Entropy): Promise<void> {
  const path = join(stateDirectory, TOKEN_FILE);
  if ((await readPrivateFile(path, LONGEST_FILE)) !== undefined) return;
  const token = Buffer.from(entropy.bytes(TOKEN_OCTETS)).toString('base64url');
  await writePrivateFile(path, utf8(`${token}\n`));
}

/** The token of the admin API. @throws CpnsError State/NotInitialised, Config/UnsafePermissions, Config/UnsafeOwner, State/... */
export async function readAdminToken(stateDirectory: string): Promise<Secret> {
  const octets = await readPrivateFile(join(stateDirectory, TOKEN_FILE), LONGEST_FILE);
  const token = octets === undefined ? '' : Buffer.from(octets).toString('latin1').trim();
  if (!/^[\w-]{20,}$/.test(token)) {
    throw new CpnsError('State', 'NotInitialised', `There is no admin token in ${stateDirectory}: make one with "cpns-server init".`);
  }
  return Secret.take('admin token', utf8(token));
}

/** Leaves word where the admin API of the running server listens. */
export async function publishAdminAddress(stateDirectory: string, url: string): Promise<void> {
  await writePrivateFile(join(stateDirectory, ADDRESS_FILE), utf8(`${url}\n`));
}

export async function withdrawAdminAddress(stateDirectory: string): Promise<void> {
  await unlink(join(stateDirectory, ADDRESS_FILE)).catch(() => {});
}

/** Where the admin API of the running server listens; undefined when no server has said so. @throws CpnsError Config/..., State/... */
export async function readAdminAddress(stateDirectory: string): Promise<string | undefined> {
  const octets = await readPrivateFile(join(stateDirectory, ADDRESS_FILE), LONGEST_FILE);
  const url = octets === undefined ? '' : Buffer.from(octets).toString('latin1').trim();
  return /^http:\/\/\S+$/.test(url) ? url : undefined;
}

/**
 * Shows that the server knows the token, before a client shows its own: the word that a killed server left may by now name a port on
 * which somebody else listens.
 */
export function proofOf(token: Secret, nonce: string): Buffer {
  return createHmac('sha256', token.reveal()).update(`cpns-server admin ${nonce}`).digest();
}

/** Whether an Authorization header carries `token`, in a time that says nothing about it. */
export function carriesToken(header: string | undefined, token: Secret): boolean {
  const given = /^Bearer (\S+)$/.exec(header ?? '')?.[1] ?? '';
  const digest = (octets: Uint8Array | string) => createHash('sha256').update(octets).digest();
  return timingSafeEqual(digest(given), digest(token.reveal()));
}

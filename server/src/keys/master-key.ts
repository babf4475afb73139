import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CpnsError, type Entropy } from '@cpns/shared';
import { readPrivateFile, writePrivateFile } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { readCredential } from './credential.js';

/** Octets of the master key, under which all other keys of the server are sealed. */
export const MASTER_KEY_OCTETS = 32;
const FILE = 'master.key';
/** Name of the systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=`). */
const CREDENTIAL = 'cpns-master-key';

/** Draws the master key of a new server. @throws CpnsError State/MasterKeyExists, Config/..., State/... of the file */
export async function createMasterKey(stateDirectory: string, entropy: Entropy): Promise<void> {
  const path = join(stateDirectory, FILE);
  const present = await stat(path).then(
    () => true,
    () => false,
  );
  if (present) throw new CpnsError('State', 'MasterKeyExists', `There is a master key already: ${path} was left as it is.`);
  const key = entropy.bytes(MASTER_KEY_OCTETS);
  await writePrivateFile(path, key);
  key.fill(0);
}

/**
 * The master key: from the systemd credential when there is one, else from the file in the state directory, which must be closed to
 * other users.
 * @throws CpnsError State/NotInitialised, State/MasterKeyDamaged, Config/UnsafePermissions, Config/UnsafeOwner, State/...
 */
export async function loadMasterKey(stateDirectory: string, credentialsDirectory?: string): Promise<Secret> {
  const path = join(stateDirectory, FILE);
  const octets =
    (await readCredential(credentialsDirectory, CREDENTIAL, MASTER_KEY_OCTETS)) ?? (await readPrivateFile(path, MASTER_KEY_OCTETS + 1));
  if (octets === undefined) {
    throw new CpnsError('State', 'NotInitialised', `There is no server in ${stateDirectory}: make one with "cpns-server init".`);
  }
  if (octets.length !== MASTER_KEY_OCTETS) {
    octets.fill(0);
    const sentence = `The master key does not have ${MASTER_KEY_OCTETS} octets: restore ${path} from a backup; without it no key of the database opens.`;
    throw new CpnsError('State', 'MasterKeyDamaged', sentence);
  }
  return Secret.take('master key', octets);
}

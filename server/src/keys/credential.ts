import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, systemCode } from '@cpns/shared/node';

/**
 * A credential that systemd put into the service's own directory (`$CREDENTIALS_DIRECTORY`), which only the service can enter; undefined
 * when there is none. At most `maxOctets` + 1 octets are given back, so that a wrong length shows.
 * @throws CpnsError State/... when it is there and cannot be read
 */
export async function readCredential(directory: string | undefined, name: string, maxOctets: number): Promise<Uint8Array | undefined> {
  if (directory === undefined || directory === '') return undefined;
  const path = join(directory, name);
  try {
    const octets = await readFile(path);
    return new Uint8Array(octets.subarray(0, maxOctets + 1));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileError(error, path);
  }
}

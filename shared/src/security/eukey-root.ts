import { CpnsError } from '../errors.js';
import type { KeyId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { toHex } from './bytes.js';
import type { EuKeyRoot } from './handshake-types.js';
import { expand, extract } from './kdf.js';
import { EXPAND, SALT } from './labels.js';
import { Secret } from './secret.js';

/** Octets of an EUKey; always random, never made from a password. */
export const EUKEY_LENGTH = 32;

/**
 * The PRK of an EUKey: what a device keeps in its place, worthless outside this protocol.
 * @throws CpnsError Config/BadEuKey
 */
export function euKeyPrk(provider: CryptoProvider, euKey: Secret): Secret {
  if (euKey.length !== EUKEY_LENGTH) {
    throw new CpnsError('Config', 'BadEuKey', `An EUKey has ${EUKEY_LENGTH} octets: enrol the device again with the code from the server.`);
  }
  return Secret.take('EUKey PRK', extract(provider, SALT.euKey, euKey.reveal()));
}

/** Everything that is derived from the PRK of an EUKey. */
export function rootFromPrk(provider: CryptoProvider, prk: Secret): EuKeyRoot {
  const octets = prk.reveal();
  const kid = toHex(expand(provider, octets, EXPAND.kid, undefined, 8)) as KeyId;
  return {
    kid,
    kAuth: Secret.take(`K_auth ${kid}`, expand(provider, octets, EXPAND.auth)),
    kWrap: Secret.take(`K_wrap ${kid}`, expand(provider, octets, EXPAND.wrap)),
    kTls: Secret.take(`K_tls ${kid}`, expand(provider, octets, EXPAND.tlsPsk)),
  };
}

/** Overwrites the keys of a root that is needed no more. */
export function eraseRoot(root: EuKeyRoot): void {
  root.kAuth.erase();
  root.kWrap.erase();
  root.kTls.erase();
}

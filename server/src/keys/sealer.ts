import { CpnsError, type CryptoProvider } from '@cpns/shared';
import { enc, extract, hkdfExpand, type Secret } from '@cpns/shared/security';

/** What is sealed at rest. Each purpose has a key of its own, so that octets of one kind never open as another. */
export type SealPurpose = 'eukey' | 'signing-key' | 'pn-key' | 'group-key';

/** Salt of the keys at rest; theirs is another context than the protocol's. */
const SALT = 'cpns-server at rest';
const KEK_OCTETS = 64;

/** Seals small values for the database: AES-256-SIV, which needs no nonce and so survives snapshots and restores (security 1.4, 5). */
export interface Sealer {
  /** 16 octets longer than `plain`. `aad` names the row, so that a value moved to another row does not open. */
  seal(aad: Uint8Array, plain: Uint8Array): Uint8Array;
  /** @throws CpnsError State/MasterKeyMismatch when it was sealed under another master key, for another row or purpose, or altered */
  unseal(aad: Uint8Array, sealed: Uint8Array): Uint8Array;
}

/** The sealer of one purpose under `masterKey`. */
export function sealerFor(provider: CryptoProvider, masterKey: Secret, purpose: SealPurpose): Sealer {
  const prk = extract(provider, SALT, masterKey.reveal());
  const kek = hkdfExpand(provider, prk, enc(purpose), KEK_OCTETS);
  prk.fill(0);
  return {
    seal: (aad, plain) => provider.wrap(kek, aad, plain),
    unseal(aad, sealed) {
      const plain = provider.unwrap(kek, aad, sealed);
      if (plain !== undefined) return plain;
      throw new CpnsError(
        'State',
        'MasterKeyMismatch',
        'A key in the database does not open with this master key: put back the master.key that belongs to this database.',
      );
    },
  };
}

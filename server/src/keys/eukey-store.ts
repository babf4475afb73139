import type { CryptoProvider, EntityId, Entropy, KeyId } from '@cpns/shared';
import { EUKEY_LENGTH, type EuKeyRoot, eraseRoot, euKeyPrk, rootFromPrk, Secret, utf8 } from '@cpns/shared/security';
import type { PskDirectory } from '../broker/psk-directory.js';
import type { EuKeyRow, KeyRows } from './key-rows.js';
import type { Sealer } from './sealer.js';

export interface EuKeyStoreOptions {
  /** Committed rows; new ones are added by whoever adds the device, in the same transaction. */
  readonly rows: Pick<KeyRows, 'euKeyByKid' | 'activeEuKey'>;
  /** Of purpose `eukey`. */
  readonly sealer: Sealer;
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  /** Roots kept ready in memory. */
  readonly cachedRoots: number;
}

/** An EUKey that was just drawn. */
export interface NewEuKey {
  /** For the enrolment code; erase it afterwards. */
  readonly euKey: Secret;
  readonly row: EuKeyRow;
}

/** An active EUKey's root and the device it belongs to. */
export interface OwnedRoot {
  readonly entityId: EntityId;
  readonly root: EuKeyRoot;
}

/**
 * The EUKeys of all devices, sealed row by row under the master key with the kid as associated data (security 5). What is active is read
 * from the rows each time, so a revocation counts at once; only the derived roots are cached.
 */
export class EuKeyStore implements PskDirectory {
  readonly #options: EuKeyStoreOptions;
  readonly #roots = new Map<KeyId, EuKeyRoot>();

  constructor(options: EuKeyStoreOptions) {
    this.#options = options;
  }

  /** Draws an EUKey for a device. The row is not stored yet. */
  create(entityId: EntityId): NewEuKey {
    const { provider, entropy, sealer } = this.#options;
    const euKey = Secret.take('EUKey', entropy.bytes(EUKEY_LENGTH));
    const prk = euKeyPrk(provider, euKey);
    const root = rootFromPrk(provider, prk);
    const sealed = sealer.seal(utf8(root.kid), prk.reveal());
    prk.erase();
    eraseRoot(root);
    return { euKey, row: { kid: root.kid, entityId, sealed, active: true } };
  }

  /** Who owns that kid, and the root; undefined when it is unknown or not active. @throws CpnsError State/MasterKeyMismatch */
  byKid(kid: KeyId): OwnedRoot | undefined {
    const row = this.#options.rows.euKeyByKid(kid);
    return row?.active ? { entityId: row.entityId, root: this.#rootOf(row) } : undefined;
  }

  /** The root of the device's active key. @throws CpnsError State/MasterKeyMismatch */
  activeRoot(entityId: EntityId): EuKeyRoot | undefined {
    const row = this.#options.rows.activeEuKey(entityId);
    return row && this.#rootOf(row);
  }

  tlsKey(entityId: EntityId): Uint8Array | undefined {
    return this.activeRoot(entityId)?.kTls.reveal();
  }

  #rootOf(row: EuKeyRow): EuKeyRoot {
    const known = this.#roots.get(row.kid);
    if (known !== undefined) {
      // Last in the order of insertion is the one used last.
      this.#roots.delete(row.kid);
      this.#roots.set(row.kid, known);
      return known;
    }
    const { provider, sealer, cachedRoots } = this.#options;
    const prk = Secret.take(`PRK ${row.kid}`, sealer.unseal(utf8(row.kid), row.sealed));
    const root = rootFromPrk(provider, prk);
    prk.erase();
    this.#roots.set(row.kid, root);
    const [oldest] = this.#roots.keys();
    // Not erased: a handshake under way may still hold it.
    if (this.#roots.size > cachedRoots && oldest !== undefined) this.#roots.delete(oldest);
    return root;
  }
}

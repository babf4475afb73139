import { CpnsError, type CryptoProvider, type Entropy, type ServerId } from '@cpns/shared';
import { enc } from '@cpns/shared/security';
import type { KeyRows } from './key-rows.js';
import type { Sealer } from './sealer.js';

const SEED_OCTETS = 32;
const FIRST_SIGNING_KEY = 1;

export interface ServerIdentityOptions {
  readonly rows: Pick<KeyRows, 'serverIdentity' | 'putServerIdentity'>;
  /** Of purpose `signing-key`. */
  readonly sealer: Sealer;
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  /** `server.id` of the configuration. */
  readonly serverId: ServerId;
}

/** ID_S and the key that signs rekeys (security 1.3, 1.8). */
export interface ServerIdentity {
  readonly serverId: ServerId;
  readonly signingKeyId: number;
  /** Ed25519 public key, 32 octets. */
  readonly signingPublicKey: Uint8Array;
  /** Ed25519 signature, 64 octets. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * The identity in the database; drawn at the first start. Also the earliest proof that master key and database belong together.
 * @throws CpnsError Config/ServerIdChanged, State/MasterKeyMismatch
 */
export function openServerIdentity(options: ServerIdentityOptions): ServerIdentity {
  const { rows, sealer, provider, entropy, serverId } = options;
  let row = rows.serverIdentity();
  if (row === undefined) {
    const seed = entropy.bytes(SEED_OCTETS);
    row = { serverId, signingKeyId: FIRST_SIGNING_KEY, sealedSeed: sealer.seal(rowName(serverId, FIRST_SIGNING_KEY), seed) };
    seed.fill(0);
    rows.putServerIdentity(row);
  }
  if (row.serverId !== serverId) {
    const sentence = `This database belongs to the server "${row.serverId}", which its devices know: set server.id back to that, or begin anew with another state directory.`;
    throw new CpnsError('Config', 'ServerIdChanged', sentence);
  }
  const seed = sealer.unseal(rowName(row.serverId, row.signingKeyId), row.sealedSeed);
  const identity = {
    serverId: row.serverId,
    signingKeyId: row.signingKeyId,
    signingPublicKey: provider.ed25519Public(seed),
    sign: provider.ed25519Signer(seed),
  };
  seed.fill(0);
  return identity;
}

function rowName(serverId: ServerId, signingKeyId: number): Uint8Array {
  return enc(serverId, signingKeyId);
}

import type { CryptoProvider } from '../ports.js';
import { EMPTY } from './bytes.js';
import { enc, expand } from './kdf.js';
import { ENC, EXPAND } from './labels.js';
import { Secret } from './secret.js';

/** Octets of a LocalEUKey. */
export const LOCAL_EUKEY_LENGTH = 32;
/** Octets of W and W_G: the SIV tag and the key. */
export const WRAPPED_LENGTH = 48;
const KEK_LENGTH = 64;

/** Whom a LocalEUKey is wrapped for. The PN GW's wrap is tied to its own nonce, the PNE's to the header alone. */
export type WrapRole = { readonly role: 'pne' } | { readonly role: 'gateway'; readonly randGw: Uint8Array };

function contextOf(provider: CryptoProvider, kWrap: Secret, header: Uint8Array, to: WrapRole): { kek: Uint8Array; aad: Uint8Array } {
  const gateway = to.role === 'gateway';
  const aad = enc(ENC.wrap, gateway ? ENC.wrapGateway : ENC.wrapPne, header, gateway ? to.randGw : EMPTY);
  // A key per run: no AES key lives long enough to be averaged over (security: LocalEUKey and its wrap).
  const kek = expand(provider, kWrap.reveal(), gateway ? EXPAND.kekGateway : EXPAND.kekPne, provider.sha256(aad), KEK_LENGTH);
  return { kek, aad };
}

/** W or W_G: the LocalEUKey under the receiver's K_wrap, bound to the whole header. */
export function wrapLocalEuKey(provider: CryptoProvider, kWrap: Secret, header: Uint8Array, to: WrapRole, localEuKey: Secret): Uint8Array {
  const { kek, aad } = contextOf(provider, kWrap, header, to);
  const wrapped = provider.wrap(kek, aad, localEuKey.reveal());
  kek.fill(0);
  return wrapped;
}

/** The LocalEUKey, or undefined when key, header, role or nonce differ from what the server had. */
export function unwrapLocalEuKey(
  provider: CryptoProvider,
  kWrap: Secret,
  header: Uint8Array,
  to: WrapRole,
  wrapped: Uint8Array,
): Secret | undefined {
  if (wrapped.length !== WRAPPED_LENGTH) return undefined;
  const { kek, aad } = contextOf(provider, kWrap, header, to);
  const octets = provider.unwrap(kek, aad, wrapped);
  kek.fill(0);
  return octets === undefined ? undefined : Secret.take('LocalEUKey', octets);
}

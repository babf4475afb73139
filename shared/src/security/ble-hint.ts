import type { CryptoProvider } from '../ports.js';
import { concat } from './bytes.js';
import { expand } from './kdf.js';
import { EXPAND } from './labels.js';
import { requireLength } from './provider-lengths.js';

const K_ADV_LENGTH = 16;
const P_LENGTH = 3;
const MAC_LENGTH = 3;

/**
 * `p || HMAC(Expand(K_adv,"hint",""),p)[0..3]`: what a paired device advertises over BLE instead of a name. `kAdv` 16, `p` 3 octets.
 * @throws CpnsError Internal/BadLength
 */
export function bleHint(provider: CryptoProvider, kAdv: Uint8Array, p: Uint8Array): Uint8Array {
  requireLength('K_adv', kAdv, K_ADV_LENGTH);
  requireLength('BLE hint prefix', p, P_LENGTH);
  const key = expand(provider, kAdv, EXPAND.hint);
  const mac = provider.hmac(key, p);
  key.fill(0);
  return concat(p, mac.subarray(0, MAC_LENGTH));
}

/** May `hint` come from the device that owns `kAdv`? A reason to try a link session, never a proof. */
export function matchesBleHint(provider: CryptoProvider, kAdv: Uint8Array, hint: Uint8Array): boolean {
  if (hint.length !== P_LENGTH + MAC_LENGTH) return false;
  return provider.equal(bleHint(provider, kAdv, hint.subarray(0, P_LENGTH)), hint);
}

import type { EntityId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { concat } from './bytes.js';
import { expand } from './kdf.js';
import { EXPAND } from './labels.js';
import { requireLength } from './provider-lengths.js';

const K_ADV_LENGTH = 16;
const K_PAIR_LENGTH = 32;
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

/**
 * `Expand(K_pair,"adv",ID of the advertiser,16)`: what a device uses as K_adv towards a paired one that does not have its own; nobody
 * else can resolve what is made with it. `kPair` 32 octets. @throws CpnsError Internal/BadLength
 */
export function pairAdvertisingKey(provider: CryptoProvider, kPair: Uint8Array, advertiser: EntityId): Uint8Array {
  requireLength('K_pair', kPair, K_PAIR_LENGTH);
  return expand(provider, kPair, EXPAND.pairAdvertising, advertiser, K_ADV_LENGTH);
}

/** May `hint` come from the device that owns `kAdv`? A reason to try a link session, never a proof. */
export function matchesBleHint(provider: CryptoProvider, kAdv: Uint8Array, hint: Uint8Array): boolean {
  if (hint.length !== P_LENGTH + MAC_LENGTH) return false;
  return provider.equal(bleHint(provider, kAdv, hint.subarray(0, P_LENGTH)), hint);
}

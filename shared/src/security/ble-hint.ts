import type { CryptoProvider } from '../ports.js';

/** `p || HMAC(Expand(K_adv,"hint",""),p)[0..3]`: 6 octets for a BLE advertisement. `kAdv` 16, `p` 3 octets. */
export declare function bleHint(provider: CryptoProvider, kAdv: Uint8Array, p: Uint8Array): Uint8Array;
/** Is `hint` one of the device that owns `kAdv`? A reason to try a link session, no proof. */
export declare function matchesBleHint(provider: CryptoProvider, kAdv: Uint8Array, hint: Uint8Array): boolean;

import type { CryptoProvider } from '../ports.js';
import { concat, copyOf } from './bytes.js';
import type { HandshakeHeader, HandshakeHello, SkMaterial } from './handshake-types.js';
import { enc, expand, extract } from './kdf.js';
import { ENC, EXPAND } from './labels.js';
import { Secret } from './secret.js';

/**
 * The formulas of the server handshake (security: server handshake). No checks here: the handshakes of the three roles make them.
 */

const REQ_MAC_LENGTH = 16;

/** Binds what the PNE said of itself: Device Capabilities and request octets, as sent. */
export function capsHash(provider: CryptoProvider, deviceCapabilities: Uint8Array, request: Uint8Array): Uint8Array {
  return provider.sha256(enc(ENC.capabilities, deviceCapabilities, request));
}

/** What a hello says, with ID_B and the hash of its octets: the input of reqMAC. */
export interface RequestMacInputs extends Pick<HandshakeHello, 'version' | 'suite' | 'localEuKeyNeeded' | 'randPne' | 'ePne'> {
  readonly idPne: string;
  readonly idGw: string;
  readonly kid: string;
  readonly capsHash: Uint8Array;
}

/** reqMAC, 16 octets: lets the server refuse a forged hello before it spends anything on it. */
export function requestMac(provider: CryptoProvider, kAuth: Secret, request: RequestMacInputs): Uint8Array {
  const { version, suite, idPne, idGw, kid, capsHash, localEuKeyNeeded, randPne, ePne } = request;
  const key = expand(provider, kAuth.reveal(), EXPAND.request);
  const mac = provider.hmac(key, enc(ENC.request, version, suite, idPne, idGw, kid, capsHash, localEuKeyNeeded, randPne, ePne));
  key.fill(0);
  return copyOf(mac.subarray(0, REQ_MAC_LENGTH));
}

/** hdr: everything that PNE, PN GW and server must agree on. */
export function encodeHeader(header: HandshakeHeader): Uint8Array {
  return enc(
    ENC.header,
    header.version,
    header.suite,
    header.idServer,
    header.idPne,
    header.idGw,
    header.pnId,
    header.kid,
    header.capsHash,
    header.localEuKeyNeeded,
    header.randPne,
    header.randServer,
    header.ePne,
    header.eServer,
  );
}

/** TH: the header and the wrapped LocalEUKey (no octets when there is none). */
export function transcriptHash(provider: CryptoProvider, header: Uint8Array, wrapped: Uint8Array): Uint8Array {
  return provider.sha256(enc(ENC.transcript, header, provider.sha256(wrapped)));
}

/** SK_PNE. `dh` undefined: psk-only, without forward secrecy. */
export function sessionKey(
  provider: CryptoProvider,
  kAuth: Secret,
  randPne: Uint8Array,
  randServer: Uint8Array,
  dh: Uint8Array | undefined,
  th: Uint8Array,
): Secret {
  const ikm = dh === undefined ? enc(kAuth.reveal()) : enc(kAuth.reveal(), dh);
  const prk = extract(provider, concat(randPne, randServer), ikm);
  ikm.fill(0);
  const sk = Secret.take('SK', expand(provider, prk, EXPAND.sk, th));
  prk.fill(0);
  return sk;
}

/** hash_PNE and hash_server: each side shows that it knows SK and saw the same transcript; keys and inputs differ by role. */
export function confirmationHashes(
  provider: CryptoProvider,
  kAuth: Secret,
  { sk, th }: SkMaterial,
): { hashPne: Uint8Array; hashServer: Uint8Array } {
  const ck = extract(provider, sk.reveal(), kAuth.reveal());
  const keyPne = expand(provider, ck, EXPAND.hashPne, th);
  const keyServer = expand(provider, ck, EXPAND.hashServer, th);
  const hashPne = provider.hmac(keyPne, th);
  const hashServer = provider.hmac(keyServer, enc(th, hashPne));
  for (const key of [ck, keyPne, keyServer]) key.fill(0);
  return { hashPne, hashServer };
}

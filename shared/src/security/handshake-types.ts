import type { EntityId, KeyId, ServerId } from '../ids.js';
import type { CryptoProvider, Entropy } from '../ports.js';
import type { Secret } from './secret.js';

/** What an EUKey gives; the EUKey itself is used nowhere else (security: server handshake). */
export interface EuKeyRoot {
  /** Public id of the key. */
  readonly kid: KeyId;
  readonly kAuth: Secret;
  readonly kWrap: Secret;
  /** Pre-shared key of the MQTT/TLS connection; its identity is the entity id. */
  readonly kTls: Secret;
}

/** The 13 items of `hdr`, in its order. Formulas take any text as id; checking them is the work of the handshakes. */
export interface HandshakeHeader {
  readonly version: number;
  readonly suite: number;
  readonly idServer: string;
  readonly idPne: string;
  /** Empty in Connection setup. */
  readonly idGw: string;
  /** The raw octets of the PN ID; none in Connection setup. */
  readonly pnId: Uint8Array;
  readonly kid: string;
  readonly capsHash: Uint8Array;
  /** L: 1 when the PNE asks for a LocalEUKey, else 0. */
  readonly localEuKeyNeeded: number;
  readonly randPne: Uint8Array;
  readonly randServer: Uint8Array;
  /** X25519 public values; none when not offered. */
  readonly ePne: Uint8Array;
  readonly eServer: Uint8Array;
}

/** The PNE's first words, forwarded octet for octet by the PN GW. In Connection setup request and capabilities are empty. */
export interface HandshakeHello {
  readonly version: number;
  readonly suite: number;
  readonly idPne: EntityId;
  readonly kid: KeyId;
  readonly request: Uint8Array;
  readonly capabilities: Uint8Array;
  /** L, 0 or 1. */
  readonly localEuKeyNeeded: number;
  readonly randPne: Uint8Array;
  readonly ePne: Uint8Array;
  readonly reqMac: Uint8Array;
}

/** A hello whose reqMAC, version, suite and lengths were checked (`verifyHello`); nothing else may be answered with a challenge. */
export interface VerifiedHello extends HandshakeHello {
  readonly capsHash: Uint8Array;
  readonly verifiedFor: EntityId | '';
}

/** The server's challenge as the PNE gets it. */
export interface HandshakeChallenge {
  readonly version: number;
  readonly suite: number;
  readonly idServer: ServerId;
  /** Absent or empty in Connection setup. */
  readonly idGw?: EntityId | '' | undefined;
  readonly pnId: Uint8Array;
  readonly randServer: Uint8Array;
  readonly eServer: Uint8Array;
  /** W, or empty when L = 0. */
  readonly wrapped: Uint8Array;
}

/** What the server draws for one PNE. */
export interface ServerChallenge {
  readonly randServer: Uint8Array;
  readonly eServer: Uint8Array;
  /** W, for the PNE; empty when L = 0. */
  readonly wrapped: Uint8Array;
  /** W_G, for the PN GW; empty when L = 0. */
  readonly wrappedForGateway: Uint8Array;
}

/** What a completed handshake leaves: the root of the SK channel. */
export interface SkMaterial {
  readonly sk: Secret;
  readonly th: Uint8Array;
}

export interface PneHandshakeOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly root: EuKeyRoot;
  /** The server this device was enrolled at. */
  readonly idServer: ServerId;
  /** Own entity id; in Connection setup the PN GW's. */
  readonly idPne: EntityId;
  /** The PN GW proven on this link; empty in Connection setup only. */
  readonly idGw: EntityId | '';
  /** Device Capabilities octets as sent; empty in Connection setup only. */
  readonly capabilities: Uint8Array;
  /** Request octets as sent; empty in Connection setup only. */
  readonly request: Uint8Array;
  readonly localEuKeyNeeded: boolean;
  /** Default true. False: no X25519 value is offered (psk-only, no forward secrecy). */
  readonly requireForwardSecrecy?: boolean;
}

/** The PN that the PNE asked for or was invited to, and the PN GW it talks to. */
export interface ExpectedPn {
  /** 16 raw octets; none in Connection setup. */
  readonly pnId: Uint8Array;
  readonly idGw: EntityId | '';
}

export interface PneProof {
  readonly hashPne: Uint8Array;
  /** With L = 1: the LocalEUKey and the header octets that every PAN handshake under it binds. */
  readonly localEuKey?: { readonly key: Secret; readonly header: Uint8Array };
}

export interface ServerHandshakeOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly rootPne: EuKeyRoot;
  /** Root of the PN GW; needed when the hello asks for a LocalEUKey. */
  readonly rootGw?: EuKeyRoot | undefined;
  readonly idServer: ServerId;
  /** As decided by `decideIdentities`, never straight from a body. */
  readonly idPne: EntityId;
  readonly idGw: EntityId | '';
  /** 16 raw octets; none in Connection setup. */
  readonly pnId: Uint8Array;
  readonly hello: VerifiedHello;
  /** 32 octets of the PN GW, one per request; none in Connection setup. */
  readonly randGw: Uint8Array;
  /** One per request may serve several PNEs; drawn when absent. */
  readonly randServer?: Uint8Array | undefined;
  /** Default true: a hello without an X25519 value is refused. */
  readonly requireForwardSecrecy?: boolean;
}

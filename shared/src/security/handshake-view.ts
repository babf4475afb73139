import type { EntityId, ServerId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { capsHash } from './authentication.js';
import { EMPTY } from './bytes.js';
import type { HandshakeHeader, HandshakeHello } from './handshake-types.js';

/** Octets of rand_PNE, rand_server, rand_GW and of X25519 values. */
export const NONCE_LENGTH = 32;
export const PN_ID_LENGTH = 16;

/** What one party holds true about a run. Each party builds it from what it knows itself; a difference makes every later check fail. */
export interface HandshakeView {
  readonly idServer: ServerId;
  readonly idPne: EntityId;
  readonly idGw: EntityId | '';
  readonly pnId: Uint8Array;
  readonly hello: Omit<HandshakeHello, 'reqMac'>;
  readonly randServer: Uint8Array;
  readonly eServer: Uint8Array;
}

/** capsHash of a hello: in Connection setup there are no octets to hash, not even framing. */
export function helloCapsHash(
  provider: CryptoProvider,
  idGw: EntityId | '',
  hello: Pick<HandshakeHello, 'capabilities' | 'request'>,
): Uint8Array {
  return idGw === '' ? provider.sha256(EMPTY) : capsHash(provider, hello.capabilities, hello.request);
}

export function headerOf(provider: CryptoProvider, view: HandshakeView): HandshakeHeader {
  const { hello, idGw } = view;
  return {
    version: hello.version,
    suite: hello.suite,
    idServer: view.idServer,
    idPne: view.idPne,
    idGw,
    pnId: view.pnId,
    kid: hello.kid,
    capsHash: helloCapsHash(provider, idGw, hello),
    localEuKeyNeeded: hello.localEuKeyNeeded,
    randPne: hello.randPne,
    randServer: view.randServer,
    ePne: hello.ePne,
    eServer: view.eServer,
  };
}

/** A hello as in Connection setup, where there is no PN GW: it asks for no LocalEUKey and carries no octets. */
export function isConnectionSetup(hello: Pick<HandshakeHello, 'capabilities' | 'request' | 'localEuKeyNeeded'>): boolean {
  return hello.localEuKeyNeeded === 0 && hello.capabilities.length === 0 && hello.request.length === 0;
}

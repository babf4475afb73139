import type { EntityId, ServerId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { authFailed } from './auth-error.js';
import { encodeHeader } from './authentication.js';
import type { EuKeyRoot, HandshakeHello, ServerChallenge } from './handshake-types.js';
import { headerOf } from './handshake-view.js';
import { unwrapLocalEuKey } from './key-wrap.js';
import type { Secret } from './secret.js';

/** What the PN GW itself knows of a PNE's run. */
export interface GatewayView {
  readonly provider: CryptoProvider;
  readonly idServer: ServerId;
  /** The PNE that was proven on the link. */
  readonly idPne: EntityId;
  /** Own entity id. */
  readonly idGw: EntityId;
  /** 16 raw octets. */
  readonly pnId: Uint8Array;
  /** As the PNE sent it and as it was forwarded. */
  readonly hello: HandshakeHello;
  readonly challenge: Pick<ServerChallenge, 'randServer' | 'eServer'>;
}

/**
 * A hello may only be forwarded for the device that is at the other end of the link.
 * @throws CpnsError Auth/WrongPne
 */
export function requireHelloOf(idPne: EntityId, hello: Pick<HandshakeHello, 'idPne'>): void {
  if (hello.idPne !== idPne) throw authFailed('WrongPne', 'The device on this link sent a hello in the name of another.');
}

/**
 * The header octets as the PN GW sees the run; PAN handshakes under the LocalEUKey bind them.
 * @throws CpnsError Auth/WrongPne
 */
export function gatewayHeader(view: GatewayView): Uint8Array {
  requireHelloOf(view.idPne, view.hello);
  return encodeHeader(headerOf(view.provider, { ...view, ...view.challenge }));
}

export interface GatewayUnwrap {
  readonly provider: CryptoProvider;
  /** Root of the PN GW's own EUKey. */
  readonly root: EuKeyRoot;
  /** From {@link gatewayHeader}. */
  readonly header: Uint8Array;
  /** The nonce of this PN GW's request. */
  readonly randGw: Uint8Array;
  /** W_G. */
  readonly wrapped: Uint8Array;
}

/**
 * The LocalEUKey of a PNE.
 * @throws CpnsError Auth/LocalEuKeyMissing, LocalEuKeyRefused (made for another run, PNE, PN, PN GW, or not by the server)
 */
export function unwrapForGateway({ provider, root, header, randGw, wrapped }: GatewayUnwrap): Secret {
  if (wrapped.length === 0)
    throw authFailed('LocalEuKeyMissing', 'A LocalEUKey was asked for and not given: the link would be unprotected.');
  const key = unwrapLocalEuKey(provider, root.kWrap, header, { role: 'gateway', randGw }, wrapped);
  if (key === undefined) throw authFailed('LocalEuKeyRefused', 'The LocalEUKey was not made by the server for this run.');
  return key;
}

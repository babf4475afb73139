import type { EntityId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { authFailed, outOfOrder } from './auth-error.js';
import { confirmationHashes, encodeHeader, requestMac, sessionKey, transcriptHash } from './authentication.js';
import { EMPTY } from './bytes.js';
import type { EuKeyRoot, HandshakeHello, ServerChallenge, ServerHandshakeOptions, SkMaterial, VerifiedHello } from './handshake-types.js';
import { headerOf, helloCapsHash, isConnectionSetup, NONCE_LENGTH, PN_ID_LENGTH } from './handshake-view.js';
import { LOCAL_EUKEY_LENGTH, wrapLocalEuKey } from './key-wrap.js';
import { PROTOCOL_VERSION, SUITE } from './labels.js';
import { Secret } from './secret.js';

export interface HelloCheck {
  readonly provider: CryptoProvider;
  /** Root of the EUKey that the hello's kid names; undefined when there is none: the same work is done and the same status given. */
  readonly root: EuKeyRoot | undefined;
  /** As decided by `decideIdentities`. */
  readonly idGw: EntityId | '';
  readonly hello: HandshakeHello;
}

const NOBODY = new Secret('nobody', new Uint8Array(32));

/**
 * The first thing that the server does with a hello: reqMAC, before anything is spent on it; then version, suite and lengths.
 * @throws CpnsError Auth/UnknownKid, WrongRequestMac, WrongVersion, WrongSuite, BadHello, NoGateway
 */
export function verifyHello({ provider, root, idGw, hello }: HelloCheck): VerifiedHello {
  const capsHash = helloCapsHash(provider, idGw, hello);
  const expected = requestMac(provider, root?.kAuth ?? NOBODY, { ...hello, idGw, capsHash });
  const macHolds = provider.equal(expected, hello.reqMac);
  if (root === undefined || root.kid !== hello.kid) throw authFailed('UnknownKid', 'The hello names a key that this server does not know.');
  if (!macHolds) throw authFailed('WrongRequestMac', 'The hello was not made with the key that it names, or not for this PN GW.');
  if (hello.version !== PROTOCOL_VERSION)
    throw authFailed('WrongVersion', 'The hello is of a protocol version that this server does not speak.');
  if (hello.suite !== SUITE) throw authFailed('WrongSuite', 'The hello is of a suite that this server does not have.');
  const lengthsHold =
    hello.randPne.length === NONCE_LENGTH &&
    (hello.ePne.length === 0 || hello.ePne.length === NONCE_LENGTH) &&
    (hello.localEuKeyNeeded === 0 || hello.localEuKeyNeeded === 1);
  if (!lengthsHold) throw authFailed('BadHello', 'A field of the hello has a wrong length.');
  if (idGw === '' && !isConnectionSetup(hello)) throw authFailed('NoGateway', 'Only a PN GW in Connection setup comes without a PN GW.');
  return { ...hello, capsHash, verifiedFor: idGw };
}

/** Highest version and suite that one side supports. */
export interface Supported {
  readonly version: number;
  readonly suite: number;
}

/**
 * Refuses a run below what both sides support; `peer` is what the (authenticated) request octets say.
 * @throws CpnsError Auth/Downgrade
 */
export function refuseDowngrade(used: Supported, peer: Supported, own: Supported = { version: PROTOCOL_VERSION, suite: SUITE }): void {
  if (used.version < Math.min(peer.version, own.version) || used.suite < Math.min(peer.suite, own.suite)) {
    throw authFailed('Downgrade', 'The hello is below what both sides support: somebody on the way took the better offer out.');
  }
}

type State = { readonly material: SkMaterial; readonly hashPne: Uint8Array; readonly hashServer: Uint8Array };

/**
 * The server's side of one handshake (seed 003, 6.6.1.1 steps 5 to 12). It holds SK, two hashes and what was sent: a few hundred
 * octets. LocalEUKey and X25519 private key are gone when {@link ServerHandshake.challenge} returns.
 */
export class ServerHandshake {
  /** SHA-256 of the header: names this run towards the PNE's owner (PNE Confirm). */
  readonly headerHash: Uint8Array;
  readonly challenge: ServerChallenge;
  readonly #provider: CryptoProvider;
  #state: State | undefined;

  private constructor(provider: CryptoProvider, headerHash: Uint8Array, challenge: ServerChallenge, state: State) {
    this.#provider = provider;
    this.headerHash = headerHash;
    this.challenge = challenge;
    this.#state = state;
  }

  /**
   * Draws what one PNE is challenged with.
   * @throws CpnsError Auth/NoForwardSecrecy, ZeroSharedSecret, BadGatewayNonce, WrongPn, WrongIdentities, SelfAsGateway
   */
  static challenge(options: ServerHandshakeOptions): ServerHandshake {
    const { provider, entropy, rootPne, hello, idGw } = options;
    checkOptions(options);
    const randServer = options.randServer ?? entropy.bytes(NONCE_LENGTH);
    let dh: Uint8Array | undefined;
    let eServer: Uint8Array = EMPTY;
    if (hello.ePne.length > 0) {
      const xServer = entropy.bytes(NONCE_LENGTH);
      eServer = provider.x25519Public(xServer);
      dh = provider.x25519(xServer, hello.ePne);
      xServer.fill(0);
      if (dh === undefined) throw authFailed('ZeroSharedSecret', 'The hello holds an X25519 value that gives no secret.');
    }
    const header = encodeHeader(
      headerOf(provider, { idServer: options.idServer, idPne: options.idPne, idGw, pnId: options.pnId, hello, randServer, eServer }),
    );
    const { wrapped, wrappedForGateway } = wraps(options, header);
    const th = transcriptHash(provider, header, wrapped);
    const sk = sessionKey(provider, rootPne.kAuth, hello.randPne, randServer, dh, th);
    dh?.fill(0);
    const hashes = confirmationHashes(provider, rootPne.kAuth, { sk, th });
    const sent = { randServer, eServer, wrapped, wrappedForGateway };
    return new ServerHandshake(provider, provider.sha256(header), sent, { material: { sk, th }, ...hashes });
  }

  /**
   * Checks hash_PNE; only now is the PNE who it says it is. One attempt per challenge.
   * @throws CpnsError Auth/WrongPneHash
   */
  verify(hashPne: Uint8Array): { hashServer: Uint8Array; material: SkMaterial } {
    const state = this.#state;
    if (state === undefined) throw outOfOrder('ServerHandshake.verify');
    this.#state = undefined;
    if (!this.#provider.equal(state.hashPne, hashPne)) {
      state.material.sk.erase();
      throw authFailed('WrongPneHash', 'The device did not prove that it knows its EUKey in this run.');
    }
    return { hashServer: state.hashServer, material: state.material };
  }

  /** Gives the challenge up and erases its keys; what {@link verify} returned is not touched. */
  abort(): void {
    this.#state?.material.sk.erase();
    this.#state = undefined;
  }
}

function checkOptions(options: ServerHandshakeOptions): void {
  const { hello, idGw, idPne, pnId, randGw } = options;
  if (idPne === idGw) throw authFailed('SelfAsGateway', 'A device cannot be its own PN GW.');
  if (hello.idPne !== idPne || hello.verifiedFor !== idGw || hello.kid !== options.rootPne.kid) {
    throw authFailed('WrongIdentities', 'The hello was verified for other devices than those of this run.');
  }
  if (pnId.length !== (idGw === '' ? 0 : PN_ID_LENGTH)) throw authFailed('WrongPn', 'The personal network has no valid PN ID.');
  if (randGw.length !== (idGw === '' ? 0 : NONCE_LENGTH)) throw authFailed('BadGatewayNonce', 'The nonce of the PN GW has a wrong length.');
  if ((options.requireForwardSecrecy ?? true) && hello.ePne.length === 0) {
    throw authFailed('NoForwardSecrecy', 'The hello offers no X25519 value, and this server insists on forward secrecy.');
  }
}

function wraps(options: ServerHandshakeOptions, header: Uint8Array): Pick<ServerChallenge, 'wrapped' | 'wrappedForGateway'> {
  const { provider, entropy, rootPne, rootGw, hello, randGw } = options;
  if (hello.localEuKeyNeeded === 0) return { wrapped: EMPTY, wrappedForGateway: EMPTY };
  if (rootGw === undefined) throw authFailed('NoGatewayKey', 'The key of the PN GW is not known, so no LocalEUKey can be given to it.');
  const localEuKey = Secret.take('LocalEUKey', entropy.bytes(LOCAL_EUKEY_LENGTH));
  const wrapped = wrapLocalEuKey(provider, rootPne.kWrap, header, { role: 'pne' }, localEuKey);
  const wrappedForGateway = wrapLocalEuKey(provider, rootGw.kWrap, header, { role: 'gateway', randGw }, localEuKey);
  localEuKey.erase();
  return { wrapped, wrappedForGateway };
}

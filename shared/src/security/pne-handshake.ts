import type { EntityId, ServerId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { authFailed, outOfOrder } from './auth-error.js';
import { confirmationHashes, encodeHeader, requestMac, sessionKey, transcriptHash } from './authentication.js';
import { EMPTY } from './bytes.js';
import type {
  EuKeyRoot,
  ExpectedPn,
  HandshakeChallenge,
  HandshakeHello,
  PneHandshakeOptions,
  PneProof,
  SkMaterial,
} from './handshake-types.js';
import { headerOf, helloCapsHash, isConnectionSetup, NONCE_LENGTH, PN_ID_LENGTH } from './handshake-view.js';
import { unwrapLocalEuKey } from './key-wrap.js';
import { PROTOCOL_VERSION, SUITE } from './labels.js';
import { Secret } from './secret.js';

type State =
  | { readonly step: 'begun'; readonly xPne: Secret | undefined }
  | { readonly step: 'answered'; readonly material: SkMaterial; readonly hashServer: Uint8Array }
  | { readonly step: 'over' };

/**
 * The PNE's side of the server handshake (seed 003, 6.6.1.1 steps 1 to 14; seed 001), and the PN GW's own in Connection setup
 * (seed 002 steps 8 to 11). One object per run: {@link hello}, {@link answer}, {@link confirm}. A failed check ends the run.
 */
export class PneHandshake {
  readonly hello: HandshakeHello;
  readonly #provider: CryptoProvider;
  readonly #root: EuKeyRoot;
  readonly #idServer: ServerId;
  readonly #idGw: EntityId | '';
  #state: State;
  #answered = false;

  private constructor(options: PneHandshakeOptions, hello: HandshakeHello, xPne: Secret | undefined) {
    this.hello = hello;
    this.#provider = options.provider;
    this.#root = options.root;
    this.#idServer = options.idServer;
    this.#idGw = options.idGw;
    this.#state = { step: 'begun', xPne };
  }

  /** @throws CpnsError Auth/SelfAsGateway, Auth/NoGateway */
  static begin(options: PneHandshakeOptions): PneHandshake {
    const { provider, entropy, root, idPne, idGw, capabilities, request } = options;
    if (idPne === idGw) throw authFailed('SelfAsGateway', 'This device cannot be its own PN GW.');
    const offered = (options.requireForwardSecrecy ?? true) ? Secret.take('x_PNE', entropy.bytes(NONCE_LENGTH)) : undefined;
    const said = {
      version: PROTOCOL_VERSION,
      suite: SUITE,
      idPne,
      kid: root.kid,
      request,
      capabilities,
      localEuKeyNeeded: options.localEuKeyNeeded ? 1 : 0,
      randPne: entropy.bytes(NONCE_LENGTH),
      ePne: offered === undefined ? EMPTY : provider.x25519Public(offered.reveal()),
    };
    if (idGw === '' && !isConnectionSetup(said)) {
      offered?.erase();
      throw authFailed('NoGateway', 'A PNE must know which PN GW it talks to before it authenticates.');
    }
    const reqMac = requestMac(provider, root.kAuth, { ...said, idGw, capsHash: helloCapsHash(provider, idGw, said) });
    return new PneHandshake(options, { ...said, reqMac }, offered);
  }

  /**
   * Checks the challenge against what this device knows itself and proves the knowledge of the EUKey.
   * @throws CpnsError Auth with the code of the check that failed
   */
  answer(challenge: HandshakeChallenge, expected: ExpectedPn): PneProof {
    const state = this.#state;
    if (state.step !== 'begun') throw outOfOrder('PneHandshake.answer');
    try {
      const proof = this.#prove(state.xPne, challenge, expected);
      this.#answered = true;
      return proof;
    } catch (error) {
      this.abort();
      throw error;
    } finally {
      state.xPne?.erase();
    }
  }

  /** hash_PNE has been made: the server may have accepted this device, whatever became of the run afterwards. */
  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Checks hash_server; only now is the server's word on this run good.
   * @throws CpnsError Auth/WrongServerHash
   */
  confirm(hashServer: Uint8Array): SkMaterial {
    const state = this.#state;
    if (state.step !== 'answered') throw outOfOrder('PneHandshake.confirm');
    this.#state = { step: 'over' };
    if (!this.#provider.equal(state.hashServer, hashServer)) {
      state.material.sk.erase();
      throw authFailed(
        'WrongServerHash',
        'The server did not prove that it knows the key of this device: check that it is the right server.',
      );
    }
    return state.material;
  }

  /** Ends the run and erases its keys. May be called at any time; what {@link confirm} returned is not touched. */
  abort(): void {
    if (this.#state.step === 'begun') this.#state.xPne?.erase();
    if (this.#state.step === 'answered') this.#state.material.sk.erase();
    this.#state = { step: 'over' };
  }

  #prove(xPne: Secret | undefined, challenge: HandshakeChallenge, expected: ExpectedPn): PneProof {
    const provider = this.#provider;
    const { hello } = this;
    this.#checkFields(challenge, expected);
    const header = headerOf(provider, {
      idServer: this.#idServer,
      idPne: hello.idPne,
      idGw: this.#idGw,
      pnId: expected.pnId,
      hello,
      randServer: challenge.randServer,
      eServer: challenge.eServer,
    });
    const octets = encodeHeader(header);
    const key = this.#localEuKey(octets, challenge.wrapped);
    const dh = xPne === undefined ? undefined : provider.x25519(xPne.reveal(), challenge.eServer);
    if (xPne !== undefined && dh === undefined) {
      key?.erase();
      throw authFailed('ZeroSharedSecret', 'The challenge holds an X25519 value that gives no secret.');
    }
    const th = transcriptHash(provider, octets, challenge.wrapped);
    const sk = sessionKey(provider, this.#root.kAuth, hello.randPne, challenge.randServer, dh, th);
    dh?.fill(0);
    const { hashPne, hashServer } = confirmationHashes(provider, this.#root.kAuth, { sk, th });
    this.#state = { step: 'answered', material: { sk, th }, hashServer };
    return key === undefined ? { hashPne } : { hashPne, localEuKey: { key, header: octets } };
  }

  #checkFields(challenge: HandshakeChallenge, expected: ExpectedPn): void {
    const { hello } = this;
    const setup = this.#idGw === '';
    if (challenge.version !== hello.version)
      throw authFailed('WrongVersion', 'The challenge is of another protocol version than the hello.');
    if (challenge.suite !== hello.suite) throw authFailed('WrongSuite', 'The challenge is of another suite than the hello.');
    if (challenge.idServer !== this.#idServer)
      throw authFailed('WrongServer', 'The challenge names another server than the one of the enrolment.');
    if ((challenge.idGw ?? '') !== this.#idGw || expected.idGw !== this.#idGw) {
      throw authFailed('WrongGateway', 'The challenge names another PN GW than the one on this link.');
    }
    if (expected.pnId.length !== (setup ? 0 : PN_ID_LENGTH) || !this.#provider.equal(challenge.pnId, expected.pnId)) {
      throw authFailed('WrongPn', 'The challenge is for another personal network than the one asked for.');
    }
    if (challenge.randServer.length !== NONCE_LENGTH) throw authFailed('BadServerNonce', 'The challenge has no nonce of the right length.');
    if (challenge.eServer.length !== hello.ePne.length) {
      throw authFailed('NoForwardSecrecy', 'The challenge does not answer the X25519 offer of this device: forward secrecy was taken out.');
    }
  }

  #localEuKey(header: Uint8Array, wrapped: Uint8Array): Secret | undefined {
    if (this.hello.localEuKeyNeeded === 0) {
      if (wrapped.length !== 0) throw authFailed('LocalEuKeyUnasked', 'The challenge holds a LocalEUKey that this device did not ask for.');
      return undefined;
    }
    if (wrapped.length === 0)
      throw authFailed('LocalEuKeyMissing', 'A LocalEUKey was asked for and not given: the link would be unprotected.');
    const key = unwrapLocalEuKey(this.#provider, this.#root.kWrap, header, { role: 'pne' }, wrapped);
    if (key === undefined) throw authFailed('LocalEuKeyRefused', 'The LocalEUKey was not made by the server for this run.');
    return key;
  }
}

import { entityId, serverId } from '@cpns/shared';
import { helloRequest, PROTOCOL_VERSION, RequestFlow, SetupType, SUITE, toOctets } from '@cpns/shared/messages';
import { systemEntropy as entropy, nativeProvider as provider } from '@cpns/shared/node';
import { EUKEY_LENGTH, euKeyPrk, PneHandshake, rootFromPrk, Secret, ServerHandshake, verifyHello } from '@cpns/shared/security';
import { capabilities } from '../../crowd/crowd-pne.js';

const idServer = serverId('bench');
const idGw = entityId('laptop');
const idPne = entityId('phone');
const root = () => rootFromPrk(provider, euKeyPrk(provider, new Secret('EUKey', entropy.bytes(EUKEY_LENGTH))));
const [rootGw, rootPne] = [root(), root()];
const request = toOctets(helloRequest, {
  flow: RequestFlow.Setup,
  setupType: SetupType.OneToOne,
  consent: true,
  version: PROTOCOL_VERSION,
  suite: SUITE,
});

/** One PNE and the server, step by step; the server has the roots of the EUKeys at hand. */
export class HandshakePair {
  readonly #pne = PneHandshake.begin({
    provider,
    entropy,
    root: rootPne,
    idServer,
    idPne,
    idGw,
    capabilities,
    request,
    localEuKeyNeeded: true,
  });
  readonly #pnId = entropy.bytes(16);
  readonly #randGw = entropy.bytes(32);

  /** The server's half: a hello checked and a challenge made. */
  challenge(): ServerHandshake {
    const hello = verifyHello({ provider, root: rootPne, idGw, hello: this.#pne.hello });
    const { randGw, pnId } = { randGw: this.#randGw, pnId: this.#pnId };
    return ServerHandshake.challenge({ provider, entropy, rootPne, rootGw, idServer, idPne, idGw, pnId, hello, randGw });
  }

  /** The PNE's half: hash_PNE. The server's `verify` of it ends the handshake. */
  answer({ challenge: { randServer, eServer, wrapped } }: ServerHandshake): Uint8Array {
    const challenge = { version: PROTOCOL_VERSION, suite: SUITE, idServer, idGw, pnId: this.#pnId, randServer, eServer, wrapped };
    return this.#pne.answer(challenge, { pnId: this.#pnId, idGw }).hashPne;
  }
}

/** `handshake-main COUNT`: CPU of the server's half of the handshake of COUNT PNEs, by the native provider with the roots at hand. */
import { entityId, serverId } from '@cpns/shared';
import { helloRequest, PROTOCOL_VERSION, RequestFlow, SetupType, SUITE, toOctets } from '@cpns/shared/messages';
import { systemEntropy as entropy, nativeProvider as provider } from '@cpns/shared/node';
import { EUKEY_LENGTH, euKeyPrk, PneHandshake, rootFromPrk, Secret, ServerHandshake, verifyHello } from '@cpns/shared/security';
import { capabilities } from '../../crowd/crowd-pne.js';
import { cpuUs } from './cpu.js';

const BATCH = 100;
const WARM_UP_BATCHES = 5;

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
const begin = () =>
  PneHandshake.begin({ provider, entropy, root: rootPne, idServer, idPne, idGw, capabilities, request, localEuKeyNeeded: true });

/** Only what the server does is timed: the PNE's part lies between the batches. */
function batch(): number {
  const runs = Array.from({ length: BATCH }, () => ({ pne: begin(), pnId: entropy.bytes(16), randGw: entropy.bytes(32) }));
  let startedUs = cpuUs();
  const challenged = runs.map(({ pne, pnId, randGw }) => {
    const hello = verifyHello({ provider, root: rootPne, idGw, hello: pne.hello });
    return ServerHandshake.challenge({ provider, entropy, rootPne, rootGw, idServer, idPne, idGw, pnId, hello, randGw });
  });
  let spentUs = cpuUs() - startedUs;
  const proofs = runs.map(({ pne, pnId }, i) => {
    const { randServer, eServer, wrapped } = (challenged[i] as ServerHandshake).challenge;
    const challenge = { version: PROTOCOL_VERSION, suite: SUITE, idServer, idGw, pnId, randServer, eServer, wrapped };
    return pne.answer(challenge, { pnId, idGw }).hashPne;
  });
  startedUs = cpuUs();
  for (const [i, handshake] of challenged.entries()) handshake.verify(proofs[i] as Uint8Array);
  spentUs += cpuUs() - startedUs;
  return spentUs;
}

for (let i = 0; i < WARM_UP_BATCHES; i++) batch();
const batches = Math.ceil(Number(process.argv[2]) / BATCH);
let spentUs = 0;
for (let i = 0; i < batches; i++) spentUs += batch();
console.log(JSON.stringify({ us: spentUs / (batches * BATCH) }));

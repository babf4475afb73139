/** `handshake-main COUNT`: CPU of the server's half of the handshake of COUNT PNEs, by the native provider with the roots at hand. */
import { cpuUs } from './cpu.js';
import { HandshakePair } from './handshake-pair.js';

const BATCH = 100;
const WARM_UP_BATCHES = 5;

/** Only what the server does is timed: the PNE's part lies between the batches. */
function batch(): number {
  const pairs = Array.from({ length: BATCH }, () => new HandshakePair());
  let startedUs = cpuUs();
  const challenged = pairs.map((pair) => ({ pair, handshake: pair.challenge() }));
  let spentUs = cpuUs() - startedUs;
  const proven = challenged.map(({ pair, handshake }) => ({ handshake, hashPne: pair.answer(handshake) }));
  startedUs = cpuUs();
  for (const { handshake, hashPne } of proven) handshake.verify(hashPne);
  spentUs += cpuUs() - startedUs;
  return spentUs;
}

for (let i = 0; i < WARM_UP_BATCHES; i++) batch();
const batches = Math.ceil(Number(process.argv[2]) / BATCH);
let spentUs = 0;
for (let i = 0; i < batches; i++) spentUs += batch();
console.log(JSON.stringify({ us: spentUs / (batches * BATCH) }));

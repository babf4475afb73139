import { expect, it } from 'vitest';
import { octets, RadioPair, talk } from './radio-pair.js';

/** Each has an air of its own. Together, since most of the time is waiting for supervision timeouts. */
const PAIRS = [new RadioPair(), new RadioPair(), new RadioPair()];
/** More than connecting and the first frame take. */
const PACKETS = 21;

/** The connection is cut at that packet, and what was sent comes through all the same, or on the next connection. */
async function cutAt(packet: number, { lab, a, b }: RadioPair): Promise<void> {
  await lab.air.ask('cutAt', { packet });
  const at = b.accepted.length;
  const near = await a.connect(b);
  near.link.send(octets(300));
  const came = b.until(
    'the frame, or the end',
    () => near.closed !== undefined || b.accepted.slice(at).some(({ frames }) => frames.length > 0),
  );
  await Promise.race([came, near.end()]);
  await lab.air.ask('clearFaults', {});
  if (near.closed !== undefined) await talk(a, b);
  for (const station of [a, b]) station.hangUp();
  await b.until('no link', () => b.accepted.every(({ closed }) => closed !== undefined));
}

it('frames come through at last, wherever the connection is cut on the way', async () => {
  let cut = 0;
  const inTurn = async (pair: RadioPair, first: number) => {
    for (let packet = first; packet <= PACKETS; packet += PAIRS.length) {
      await cutAt(packet, pair);
      cut++;
    }
  };
  await Promise.all(PAIRS.map((pair, at) => inTurn(pair, at + 1)));
  expect(cut).toBe(PACKETS);
});

import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Link } from '@cpns/shared';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { RadioLab, type Station } from './radio-lab.js';

/** Before things are counted for the first time: what is made once and kept is there, compiled code above all. */
const WARM_UP = 100;
const CYCLES = 200;
/** What comes and goes by itself, such as a timer of whatever the radio does at that moment. One for each cycle would be ten times as many. */
const MOST_MORE = CYCLES / 10;
/** A kilobyte for each cycle would be this much. */
const MOST_MORE_OCTETS = CYCLES * 1_024;
const PROBE = fileURLToPath(new URL('./holdings-probe.js', import.meta.url));
const FRAME = Uint8Array.from({ length: 5_000 }, (_, i) => i & 0xff);

type Holdings = Readonly<Record<string, number>>;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let lab: RadioLab;
let central: Station;
let peripheral: Station;

beforeAll(async () => {
  lab = await RadioLab.open();
  central = await lab.station(1, { preload: PROBE });
  peripheral = await lab.station(2, { preload: PROBE });
  central.want(1, { role: 'central', advertisement: undefined });
  peripheral.want(2, { role: 'peripheral', scan: false });
  await central.hears(peripheral);
});
afterAll(() => lab.close());

/** Connects, sends a message of many segments both ways, and hangs up; the links as the agents had them. */
async function cycle(): Promise<readonly WeakRef<Link>[]> {
  const near = await central.connect(peripheral);
  const far = await peripheral.accepts(0);
  near.link.send(FRAME);
  far.link.send(FRAME);
  await Promise.all([near.frame(0), far.frame(0)]);
  near.link.close('enough');
  await Promise.all([near.end(), far.end()]);
  const links = [near, far].map(({ link }) => new WeakRef(link));
  for (const station of [central, peripheral]) {
    station.hangUp();
    station.accepted.length = 0;
  }
  return links;
}

/** What its radio process holds after a garbage collection. */
async function holdingsOf(station: Station): Promise<Holdings> {
  const file = join(tmpdir(), `cpns-holdings.${station.pid}`);
  process.kill(station.pid, 'SIGUSR2');
  try {
    return await vi.waitFor(() => JSON.parse(readFileSync(file, 'utf8')) as Holdings, { timeout: 20_000, interval: 20 });
  } finally {
    rmSync(file, { force: true });
  }
}

it(`${CYCLES} connections leave no listener, timer, handle or memory behind`, { timeout: 300_000 }, async () => {
  for (let i = 0; i < WARM_UP; i++) await cycle();
  const pids = [central.pid, peripheral.pid];
  const before = [await holdingsOf(central), await holdingsOf(peripheral)];
  const own = process.getActiveResourcesInfo().length;
  const links: WeakRef<Link>[] = [];
  for (let i = 0; i < CYCLES; i++) links.push(...(await cycle()));
  const after = [await holdingsOf(central), await holdingsOf(peripheral)];
  expect([central.pid, peripheral.pid]).toEqual(pids);
  expect(await lab.air.ask('links', {})).toEqual([]);
  for (const [at, radio] of ['central', 'peripheral'].entries()) {
    for (const [what, count] of Object.entries(after[at] as Holdings)) {
      const more = count - (before[at]?.[what] ?? 0);
      expect(more, `${what} of the ${radio}`).toBeLessThan(what.endsWith('Octets') ? MOST_MORE_OCTETS : MOST_MORE);
    }
  }
  // The agents hold nothing either.
  collect();
  collect();
  expect(links.filter((link) => link.deref() !== undefined).length).toBeLessThan(MOST_MORE);
  expect(process.getActiveResourcesInfo().length - own).toBeLessThan(MOST_MORE);
});

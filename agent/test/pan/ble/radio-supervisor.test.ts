import { fileURLToPath } from 'node:url';
import { CpnsError, type Link } from '@cpns/shared';
import { systemEntropy } from '@cpns/shared/node';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { RadioSupervisor } from '../../../src/pan/ble/radio-supervisor.js';

const program = fileURLToPath(new URL('./scripted-radio.js', import.meta.url));
const [GOOD, BAD, SILENT] = ['c0:ff:ee:00:00:01', 'c0:ff:ee:00:00:02', 'c0:ff:ee:00:00:03'];
const NEVER = new AbortController().signal;

let stop = async () => {};
afterEach(() => stop());

/** A supervisor over a real process that behaves so. Only the clock is virtual. */
function open(behaviour: string, maxQueuedOctets?: number) {
  const clock = new VirtualClock();
  const seen = { problems: [] as (string | undefined)[], ended: [] as Link[], accepted: [] as Link[] };
  const options = { clock, entropy: systemEntropy, logger: new MemoryLogger(), adapter: behaviour, secondAdapter: '', program };
  const radio = new RadioSupervisor({ ...options, ...(maxQueuedOctets && { maxQueuedOctets }) });
  radio.start({
    advertised: () => {},
    accepted: (link) => void seen.accepted.push(link),
    ended: (link) => void seen.ended.push(link),
    problem: (sentence) => void seen.problems.push(sentence),
  });
  stop = async () => void (await clock.run(radio.stop()));
  return { clock, radio, ...seen };
}

const until = (what: () => void) => vi.waitFor(what, { timeout: 20_000, interval: 10 });

/** As soon as the process says that it works. */
async function connected(radio: RadioSupervisor, address = GOOD): Promise<Link> {
  let link: Link | undefined;
  await until(async () => {
    link = await radio.connect(address, NEVER);
  });
  return link as Link;
}

/** Lets time pass until there is a process again; gives the milliseconds. */
async function startedAgain(clock: VirtualClock, radio: RadioSupervisor): Promise<number> {
  const fromMs = clock.monotonicMs();
  while (radio.processId === undefined) await clock.advance(250);
  return clock.monotonicMs() - fromMs;
}

it('says what is wrong, and tries again', async () => {
  const { clock, radio, problems } = open('crashes');
  for (let run = 0; run < 4; run++) {
    await until(() => expect(radio.processId).toBeUndefined());
    await startedAgain(clock, radio);
  }
  await until(() => expect(radio.processId).toBeUndefined());
  expect(new Set(problems.filter((sentence) => sentence !== undefined))).toEqual(
    new Set(['The Bluetooth radio ended by accident and is started again.']),
  );
});

it('does not try often where Bluetooth cannot work', async () => {
  const { clock, radio, problems } = open('unfit');
  await until(() => expect(radio.processId).toBeUndefined());
  expect(problems).toEqual(['There is no Bluetooth here.']);
  let waitedMs = 0;
  for (let run = 0; run < 5; run++) {
    await until(() => expect(radio.processId).toBeUndefined());
    waitedMs += await startedAgain(clock, radio);
  }
  // Each wait is random; the five together are less than this once in a million times.
  expect(waitedMs).toBeGreaterThan(20_000);
});

it('is never long without a process that works, however often somebody makes it end', async () => {
  const { clock, radio } = open('dies');
  for (let run = 0; run < 12; run++) {
    await until(() => expect(radio.processId).toBeUndefined());
    expect(await startedAgain(clock, radio)).toBeLessThanOrEqual(5_250);
  }
});

it('ends a process that stands still, and loses its links at once', async () => {
  const { clock, radio, problems, ended } = open('freezes');
  const link = await connected(radio);
  const reasons: string[] = [];
  link.open({ frame: () => {}, closed: (why) => reasons.push(why) });
  await until(async () => {
    await clock.advance(1_000);
    expect(ended).toEqual([link]);
  });
  expect(reasons).toEqual(['the Bluetooth radio was lost']);
  expect(problems.at(-1)).toContain('stood still');
  await expect(radio.connect(GOOD, NEVER)).rejects.toMatchObject({ code: 'RadioDown' });
});

it('ends a process that says what none says', async () => {
  const { radio, problems } = open('lies');
  await until(() => expect(radio.processId).toBeUndefined());
  expect(problems.at(-1)).toContain('ended by accident');
});

it('ends a process that does not end by itself', async () => {
  const { clock, radio } = open('deaf');
  await connected(radio);
  await clock.run(radio.stop());
  expect(radio.processId).toBeUndefined();
});

it('connects, reads names, and hands on why something failed', async () => {
  const { radio } = open('works');
  const link = await connected(radio);
  expect([link.technology, link.initiated, link.remote]).toEqual(['ble', true, GOOD]);
  expect(await radio.readEntityId(GOOD, NEVER)).toBe('sensor-1');
  await expect(radio.connect(BAD, NEVER)).rejects.toMatchObject({
    family: 'Transport',
    code: 'NotConnected',
    message: 'It was not reached.',
  });
});

it('gives a connection back that came when nobody wanted it any more', async () => {
  const { radio, problems } = open('works');
  await connected(radio);
  const controller = new AbortController();
  const gone = new CpnsError('State', 'Aborted', 'It was given up.');
  const connecting = radio.connect(SILENT, controller.signal);
  controller.abort(gone);
  await expect(connecting).rejects.toBe(gone);
  await until(() => expect(problems.at(-1)).toMatch(/^Closed: /));
});

it('tells what is wanted to every new process', async () => {
  const { clock, radio, problems } = open('wants');
  radio.want({ advertisement: undefined, readableId: 'me', scan: true, role: 'central' });
  const wanted = () => expect(problems.at(-1)).toContain('"readableId":"me"');
  await until(wanted);
  process.kill(radio.processId as number, 'SIGKILL');
  await until(() => expect(radio.processId).toBeUndefined());
  await startedAgain(clock, radio);
  await until(wanted);
});

it('carries frames in order, never more under way than the window, and drops a peer that takes nothing', async () => {
  const { radio } = open('works', 200_000);
  const link = await connected(radio);
  const came: number[] = [];
  const reasons: string[] = [];
  link.open({ frame: (octets) => void came.push(octets[1] as number), closed: (why) => reasons.push(why) });
  const frame = (kind: number, number: number) => Uint8Array.from({ length: 16_000 }, (_, i) => [kind, number][i] ?? 0);
  for (let number = 0; number < 12; number++) link.send(frame(0, number));
  await until(() => expect(came).toEqual([0, 1, 2, 3, 4, 5, 6, 7]));
  for (let number = 12; number < 30; number++) link.send(frame(0, number));
  await until(() => expect(reasons).toEqual(['the other device reads too slowly']));
  expect(came.length).toBe(8);
});

it('goes on with what waits when the radio has sent something', async () => {
  const { radio } = open('works');
  const link = await connected(radio);
  const came: number[] = [];
  link.open({ frame: (octets) => void came.push(octets[1] as number), closed: () => {} });
  for (let number = 0; number < 24; number++)
    link.send(Uint8Array.from({ length: 16_000 }, (_, i) => [number % 8 === 7 ? 1 : 0, number][i] ?? 0));
  await until(() => expect(came).toEqual(Array.from({ length: 24 }, (_, number) => number)));
});

it('tells the end of a link once, to whoever has it and to whoever watches', async () => {
  const { radio, ended } = open('works');
  const link = await connected(radio);
  const reasons: string[] = [];
  link.open({ frame: () => {}, closed: (why) => void reasons.push(why) });
  link.send(Uint8Array.of(2));
  await until(() => expect(reasons).toEqual(['the other device is out of reach']));
  link.close('again');
  link.send(Uint8Array.of(0));
  expect([reasons.length, ended]).toEqual([1, [link]]);
});

it('tells the radio that a peer is no stranger', async () => {
  const { radio, problems } = open('works');
  const link = await connected(radio);
  radio.proven(link);
  await until(() => expect(problems.at(-1)).toMatch(/^Proven: /));
});

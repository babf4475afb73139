import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '@cpns/shared/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Keeper } from '../../../processes/keeper.js';
import { HOST_VARIABLE } from '../../../rigs/air/adapter-list.js';
import { BareProcess } from '../../../rigs/air/bare/bare-process.js';
import { SECRET_VALUE } from '../../../rigs/air/bare/protocol.js';
import { AirProcess } from '../../../rigs/air/process/air-process.js';
import { ADDRESS } from './room.js';

/** Made by the build in front of every `npm test`. */
const BUILT = (file: string) => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));
const STEP_MS = 5_000;

type Roles = ConstructorParameters<typeof BareProcess>[0]['roles'];

describe('noble and bleno, unmodified, over the virtual air', () => {
  const clock = new SystemClock();
  let keeper: Keeper;
  let air: AirProcess;

  beforeEach(async () => {
    keeper = new Keeper(BUILT('processes/keeper-main.js'));
    const directory = await mkdtemp(join(tmpdir(), 'cpns-air-'));
    keeper.keep({ kind: 'directory', path: directory });
    air = await AirProcess.start({ directory, clock, keeper, main: BUILT('rigs/air/process/air-main.js') });
  });
  afterEach(() => keeper.close());

  /** A host with one adapter, and the libraries in a process on it. */
  async function host(number: number, ...roles: Roles): Promise<BareProcess> {
    const name = `host${number}`;
    const { directory } = await air.ask('addHost', { host: name });
    await air.ask('plug', { host: name, address: ADDRESS(number) });
    return new BareProcess({
      roles,
      clock,
      keeper,
      main: BUILT('rigs/air/bare/bare-main.js'),
      nodeArguments: ['--import', BUILT('rigs/air/transport/inject.js')],
      env: { [HOST_VARIABLE]: directory },
    });
  }

  const advertises = (process: BareProcess) => process.event(({ event }) => event === 'advertising');
  const poweredOn = (process: BareProcess) => process.event((line) => line.event === 'state' && line.state === 'poweredOn');

  async function pair(): Promise<[central: BareProcess, peripheral: BareProcess]> {
    const [peripheral, central] = await Promise.all([host(1, 'peripheral'), host(2, 'central')]);
    await Promise.all([advertises(peripheral), poweredOn(central)]);
    return [central, peripheral];
  }

  async function open(central: BareProcess, address = ADDRESS(1)): Promise<number> {
    await central.ask('connect', address, {}, STEP_MS);
    return (await central.ask('discover', address, {}, STEP_MS)).mtu;
  }

  it('connect, discover, subscribe, echo and disconnect again and again', async () => {
    const [central] = await pair();
    for (let cycle = 0; cycle < 10; cycle++) {
      expect(await open(central)).toBe(256);
      expect(await central.ask('echo', ADDRESS(1), { octets: 20 }, STEP_MS)).toEqual({ same: true, chunks: 1 });
      await central.ask('disconnect', ADDRESS(1), {}, STEP_MS);
    }
    expect((await air.ask('counters', {})).links).toBe(10);
  });

  it.each([
    [256, 65],
    [23, 820],
  ])('16 KiB come back byte by byte at an MTU of %i', async (mtu, chunks) => {
    await air.ask('capMtu', { mtu });
    const [central] = await pair();
    expect(await open(central)).toBe(mtu);
    expect(await central.ask('echo', ADDRESS(1), { octets: 16_384 }, STEP_MS)).toEqual({ same: true, chunks });
    // Everything that was said is on record.
    const needles = [Buffer.from([0, 7, 14, 21, 28, 35, 42, 49]).toString('hex'), '00'.repeat(30)];
    const { isComplete, found } = await air.ask('search', { needles });
    expect([isComplete, found.map(({ needle }) => needle)]).toEqual([true, [0]]);
  });

  it('one central holds seven peripherals', async () => {
    const numbers = [1, 2, 3, 4, 5, 6, 7];
    const peripherals = await Promise.all(numbers.map((number) => host(number, 'peripheral')));
    const central = await host(8, 'central');
    await Promise.all([...peripherals.map(advertises), poweredOn(central)]);
    for (const number of numbers) await open(central, ADDRESS(number));
    expect(await air.ask('links', {})).toHaveLength(7);
    const echoes = await Promise.all(numbers.map((number) => central.ask('echo', ADDRESS(number), { octets: 5_000 }, STEP_MS)));
    expect(echoes.map(({ same }) => same)).toEqual(numbers.map(() => true));
  });

  it('one controller is central and peripheral at once', async () => {
    const [first, both, last] = await Promise.all([host(1, 'peripheral'), host(2, 'peripheral', 'central'), host(3, 'central')]);
    await Promise.all([advertises(first), advertises(both), poweredOn(last)]);
    await both.event((line) => line.side === 'central' && line.event === 'state' && line.state === 'poweredOn');
    await open(both, ADDRESS(1));
    await open(last, ADDRESS(2));
    const echo = (process: BareProcess, address: string) => process.ask('echo', address, { octets: 3_000 }, STEP_MS);
    expect(await Promise.all([echo(both, ADDRESS(1)), echo(last, ADDRESS(2))])).toMatchObject([{ same: true }, { same: true }]);
  });

  it('pair and encrypt when a characteristic wants it', async () => {
    const [central] = await pair();
    await open(central);
    expect(await central.ask('secret', ADDRESS(1), {}, STEP_MS)).toEqual({ value: SECRET_VALUE });
    await air.ask('setRssi', { rssi: -77 });
    expect(await central.ask('rssi', ADDRESS(1), {}, STEP_MS)).toEqual({ rssi: -77 });
  });

  it('see that the peer was killed', async () => {
    const [central, peripheral] = await pair();
    await open(central);
    await peripheral.program.kill();
    await central.event((line) => line.side === 'central' && line.event === 'disconnected', STEP_MS);
  });

  it('see the link end at the packet where it is cut; the peripheral serves the next central', async () => {
    const [central, peripheral] = await pair();
    await air.ask('cutAt', { a: ADDRESS(1), packet: 5 });
    // noble never settles what was under way; the events are what counts.
    const lost = open(central);
    lost.catch(() => {});
    await central.event(({ event }) => event === 'disconnected', STEP_MS);
    await peripheral.event(({ event }) => event === 'disconnected', STEP_MS);
    expect((await air.ask('counters', {})).attPackets).toBe(4);
    const next = await host(3, 'central');
    await poweredOn(next);
    expect(await open(next)).toBe(256);
  });

  it('are told when a connection cannot be established', async () => {
    const [central] = await pair();
    await air.ask('refuse', { count: 1, status: 0x3e });
    await expect(central.ask('connect', ADDRESS(1), {}, STEP_MS)).rejects.toThrow('0x3e');
    expect(await open(central)).toBe(256);
  });

  it('see the adapter go down and come back', async () => {
    const [central, peripheral] = await pair();
    await open(central);
    await air.ask('power', { address: ADDRESS(1), isOn: false });
    await central.event(({ event }) => event === 'disconnected', STEP_MS);
    await peripheral.event((line) => line.event === 'state' && line.state === 'poweredOff', STEP_MS);
    await air.ask('power', { address: ADDRESS(1), isOn: true });
    const last = () => peripheral.program.output.split('\n').findLast((line) => line.includes('"state"'));
    await peripheral.event(() => last()?.includes('poweredOn') === true, STEP_MS);
  });

  it('see the adapter pulled out; another one gets the next index', async () => {
    const [, peripheral] = await pair();
    await air.ask('unplug', { address: ADDRESS(1) });
    await peripheral.event((line) => line.event === 'state' && line.state === 'poweredOff', STEP_MS);
    expect(await air.ask('plug', { host: 'host1', address: ADDRESS(1) })).toEqual({ index: 1 });
  });

  it('refuse to load where there is no host, as without Bluetooth', async () => {
    const process = new BareProcess({
      roles: ['central'],
      clock,
      keeper,
      main: BUILT('rigs/air/bare/bare-main.js'),
      nodeArguments: ['--import', BUILT('rigs/air/transport/inject.js')],
    });
    await process.program.ended;
    expect(process.program.log.last().join('\n')).toContain('EAFNOSUPPORT');
  });

  it('the air says what it cannot do', async () => {
    await expect(air.ask('unplug', { address: ADDRESS(9) })).rejects.toThrow(`There is no adapter ${ADDRESS(9)}.`);
    await air.ask('addHost', { host: 'x' });
    await expect(air.ask('plug', { host: 'x', address: 'C0' })).rejects.toThrow('C0 is no address.');
  });
});

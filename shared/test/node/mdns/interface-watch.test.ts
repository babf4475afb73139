import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { InterfaceWatch, type NetworkInterface } from '../../../src/node/index.js';
import { FakeHost, loopback, wlan } from './networks.js';

const named = (name: string): NetworkInterface => ({ ...wlan, name });
const names = (watch: InterfaceWatch) => watch.current.map((i) => i.name);

async function watching(host: FakeHost, interfaces?: readonly string[]) {
  const clock = new VirtualClock();
  const watch = new InterfaceWatch({ clock, network: host, interfaces });
  await clock.run(watch.start());
  return { clock, watch };
}

describe('the choice of network interfaces', () => {
  it('is all but loopback and those of containers and virtual machines', async () => {
    const virtual = ['docker0', 'br-0123456789ab', 'veth12ab', 'virbr0', 'cni0'].map(named);
    const { watch } = await watching(new FakeHost([loopback, wlan, named('br0'), ...virtual]));
    expect(names(watch)).toEqual(['wlan0', 'br0']);
  });

  it('is loopback alone when there is nothing else', async () => {
    const { watch } = await watching(new FakeHost([loopback, named('docker0')]));
    expect(names(watch)).toEqual(['lo']);
    expect(watch.problem).toBe('This device is in no network, so nobody nearby can be found: connect it.');
  });

  it('is what was named, a container bridge too, and nothing besides', async () => {
    const { watch } = await watching(new FakeHost([loopback, wlan, named('docker0')]), ['docker0']);
    expect(names(watch)).toEqual(['docker0']);
    expect(watch.restricted).toBe(true);
  });

  it('takes "lo" for the loopback under whatever name', async () => {
    const { watch } = await watching(new FakeHost([{ ...loopback, name: 'lo0' }, wlan]), ['lo']);
    expect(names(watch)).toEqual(['lo0']);
    expect(watch.problem).toBeUndefined();
  });

  it('says which named interface is not up', async () => {
    const host = new FakeHost([loopback, wlan]);
    const { watch, clock } = await watching(host, ['eth7']);
    expect(names(watch)).toEqual([]);
    expect(watch.problem).toBe('The network interface eth7 named in pan.lan.interfaces is not up; there are now: lo, wlan0.');
    host.up = [loopback, wlan, named('eth7')];
    await clock.advance(1_000);
    expect(names(watch)).toEqual(['eth7']);
    expect(watch.problem).toBeUndefined();
  });
});

describe('the watch over network interfaces', () => {
  it('tells of every change once, and of nothing else', async () => {
    const host = new FakeHost([loopback]);
    const { watch, clock } = await watching(host);
    const seen: string[][] = [];
    watch.onChange(() => seen.push(names(watch)));
    await clock.advance(5_000);
    expect(seen).toEqual([]);
    host.up = [loopback, wlan];
    await clock.advance(5_000);
    expect(seen).toEqual([['wlan0']]);
    host.up = [loopback, { ...wlan, mac: '02:00:00:00:00:99' }];
    await clock.advance(1_000);
    expect(seen).toHaveLength(2);
    watch.stop();
    expect(clock.pending).toBe(0);
  });

  it('goes on with the address of the default route where the system forbids to look', async () => {
    const host = new FakeHost(new Error('uv_interface_addresses returned Unknown system error 13'), '192.168.1.40');
    const { watch, clock } = await watching(host);
    expect(watch.blind).toBe(true);
    expect(watch.current).toEqual([
      { name: 'default', loopback: false, mac: '', addresses: [{ address: '192.168.1.40', family: 4, prefix: 24, scope: 0 }] },
    ]);
    host.source = '10.0.0.5';
    await clock.advance(1_000);
    expect(watch.current[0]?.addresses[0]?.address).toBe('10.0.0.5');
  });

  it('is content with loopback when there is no route either', async () => {
    const { watch } = await watching(new FakeHost(new Error('denied')));
    expect(watch.current[0]?.addresses[0]?.address).toBe('127.0.0.1');
  });

  it('sees the interfaces of this computer', async () => {
    const clock = new VirtualClock();
    const watch = new InterfaceWatch({ clock, interfaces: ['lo'] });
    await watch.start();
    watch.stop();
    expect(watch.current[0]?.loopback).toBe(true);
    expect(watch.current[0]?.addresses.map((a) => a.address)).toContain('127.0.0.1');
  });
});

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NetworkKind } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../../src/config/settings.js';
import { readDeviceFacts } from '../../src/device/device-facts.js';
import { type Host, thisHost } from '../../src/device/host.js';
import { scratchDirectory } from '../support/scratch.js';

const { device } = defaultSettings();

/** A computer whose sysfs holds these files. */
async function computer(files: Readonly<Record<string, string>>, more: Partial<Host> = {}): Promise<Host> {
  const sysRoot = await scratchDirectory();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(sysRoot, path)), { recursive: true });
    await writeFile(join(sysRoot, path), `${text}\n`);
  }
  return {
    platform: 'linux',
    env: {},
    sysRoot,
    procRoot: sysRoot,
    terminal: false,
    cores: 4,
    memoryOctets: 8 * 2 ** 30,
    interfaces: () => [],
    run: async () => undefined,
    ...more,
  };
}

describe('power', () => {
  const battery = (status: string, capacity: number) => ({
    'class/power_supply/BAT0/type': 'Battery',
    'class/power_supply/BAT0/status': status,
    'class/power_supply/BAT0/capacity': String(capacity),
  });
  it.each([
    { what: 'no supply at all is mains', files: {}, mains: true, batteryPercent: 100 },
    { what: 'a battery in use', files: battery('Discharging', 37), mains: false, batteryPercent: 37 },
    { what: 'a full battery that is not in use', files: battery('Full', 100), mains: true, batteryPercent: 100 },
    {
      what: 'a discharging battery on a weak charger',
      files: { ...battery('Discharging', 40), 'class/power_supply/AC/type': 'Mains', 'class/power_supply/AC/online': '1' },
      mains: true,
      batteryPercent: 40,
    },
    {
      what: 'an unplugged laptop',
      files: { ...battery('Discharging', 80), 'class/power_supply/AC/type': 'Mains', 'class/power_supply/AC/online': '0' },
      mains: false,
      batteryPercent: 80,
    },
    {
      what: 'the battery of a mouse does not count',
      files: { ...battery('Discharging', 3), 'class/power_supply/BAT0/scope': 'Device' },
      mains: true,
      batteryPercent: 100,
    },
    { what: 'nonsense is unknown', files: battery('Discharging', 900), mains: true, batteryPercent: 100 },
  ])('$what', async ({ files, mains, batteryPercent }) => {
    expect(await readDeviceFacts(await computer(files), device)).toMatchObject({ mains, batteryPercent });
  });

  it.each([
    ["Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t62%; discharging; 3:11 remaining present: true\n", false, 62],
    ["Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t99%; charging; 0:20 remaining present: true\n", true, 99],
    ["Now drawing from 'AC Power'\n", true, 100],
    [undefined, true, 100],
  ])('is read from pmset on macOS', async (output, mains, batteryPercent) => {
    const host = await computer({}, { platform: 'darwin', run: async (program) => (program === 'pmset' ? output : undefined) });
    expect(await readDeviceFacts(host, device)).toMatchObject({ mains, batteryPercent });
  });
});

describe('networks', () => {
  it('are told apart by what the kernel says, not by names alone', async () => {
    const host = await computer(
      {
        'class/net/eth0/type': '1',
        'class/net/lan7/type': '1',
        'class/net/wlp2s0/wireless/x': '',
        'class/net/wlp2s0/type': '1',
        'class/net/modem/uevent': 'DEVTYPE=wwan',
        'class/net/tun0/type': '65534',
      },
      { interfaces: () => ['eth0', 'lan7', 'wlp2s0', 'modem', 'tun0', '../../etc'] },
    );
    const { networks } = await readDeviceFacts(host, device);
    expect(networks).toEqual([NetworkKind.Ethernet, NetworkKind.Wifi, NetworkKind.Cellular, NetworkKind.Other]);
  });

  it('are none when only loopback is there', async () => {
    expect((await readDeviceFacts(await computer({}), device)).networks).toEqual([]);
  });
});

describe('facts', () => {
  it.each([
    { what: 'a terminal', host: { terminal: true }, ui: true },
    { what: 'a desktop', host: { env: { WAYLAND_DISPLAY: 'wayland-0' } }, ui: true },
    { what: 'a service', host: {}, ui: false },
  ])('know whether a person can be asked: $what', async ({ host, ui }) => {
    expect((await readDeviceFacts(await computer({}, host), device)).ui).toBe(ui);
  });

  it('give way to settings', async () => {
    const settings = {
      ...device,
      preference: 2,
      power: 'battery' as const,
      batteryPercent: 55,
      cores: 8,
      memoryMiB: 512,
      networks: ['cellular' as const],
      userInterface: 'no' as const,
    };
    expect(await readDeviceFacts(await computer({}, { terminal: true }), settings)).toEqual({
      mains: false,
      batteryPercent: 55,
      cores: 8,
      memoryMiB: 512,
      networks: [NetworkKind.Cellular],
      ui: false,
      zone: false,
      canRoute: true,
      preference: 2,
    });
  });

  it('can be read on this computer', async () => {
    const facts = await readDeviceFacts(thisHost(), device);
    expect(facts.cores).toBeGreaterThan(0);
    expect(facts.memoryMiB).toBeGreaterThan(0);
  });
});

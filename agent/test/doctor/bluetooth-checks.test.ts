import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultSettings, type Settings } from '../../src/config/settings.js';
import { thisHost } from '../../src/device/host.js';
import { checkBluetooth } from '../../src/doctor/bluetooth-checks.js';
import type { BluetoothProbe } from '../../src/doctor/bluetooth-probe.js';
import type { DoctorContext } from '../../src/doctor/check.js';
import { scratchDirectory } from '../support/scratch.js';

const ON = { index: 0, address: '02:00:00:00:00:0a', powered: true };
const OFF = { index: 1, address: '02:00:00:00:00:0b', powered: false };
const NOTHING_WRONG = { name: 'Bluetooth', outcome: 'ok', says: `${ON.address}, driver and permission are there` };

interface Situation {
  readonly ble?: Partial<Settings['pan']['ble']>;
  readonly platform?: NodeJS.Platform;
  /** What the probe prints. */
  readonly found?: BluetoothProbe | string;
  readonly daemon?: boolean;
  readonly sysRoot?: string;
  /** Effective capabilities of the process, in hexadecimal. Default: all that are needed. */
  readonly capabilities?: string;
  readonly running?: boolean;
  readonly trouble?: string;
}

async function examine({
  ble,
  platform = 'linux',
  found = { adapters: [ON] },
  daemon = false,
  running = true,
  trouble,
  ...rest
}: Situation) {
  const defaults = defaultSettings();
  const procRoot = await scratchDirectory();
  await mkdir(join(procRoot, 'self'));
  await writeFile(join(procRoot, 'self/status'), `Name:\tnode\nCapEff:\t${rest.capabilities ?? '0000000000002000'}\n`);
  const context: DoctorContext = {
    host: {
      ...thisHost(),
      platform,
      procRoot,
      sysRoot: rest.sysRoot ?? (await scratchDirectory()),
      run: async (program) => {
        if (program === 'dbus-send') return `   boolean ${daemon}`;
        if (program === 'pidof') return undefined;
        return typeof found === 'string' ? found : JSON.stringify(found);
      },
    },
    settings: { ...defaults, pan: { ...defaults.pan, ble: { ...defaults.pan.ble, ...ble } } },
    stateDirectory: '/nowhere',
    running,
    probe: undefined,
    bluetoothTrouble: trouble,
    clockOffsetMs: undefined,
  };
  return checkBluetooth(context, new AbortController().signal);
}

const warned = (says: unknown, cure?: unknown) => [{ name: 'Bluetooth', outcome: 'warning', says, ...(cure !== undefined && { cure }) }];

describe('doctor on Bluetooth', () => {
  it('is content with an adapter that is on', async () => {
    expect(await examine({})).toEqual([NOTHING_WRONG]);
  });

  it('leaves it alone where it is switched off', async () => {
    expect(await examine({ ble: { enabled: false } })).toEqual([
      { name: 'Bluetooth', outcome: 'skipped', says: 'is switched off', cure: 'set pan.ble.enabled to true in the configuration' },
    ]);
  });

  it.each<[string, Situation, string, string]>([
    [
      'a library is not installed',
      { found: { notInstalled: '@abandonware/bleno' } },
      '@abandonware/bleno is not installed',
      'npm install --include=optional',
    ],
    [
      'the driver does not load',
      { found: { unusable: 'It was built for another Node.js.', isForOtherNode: true } },
      'It was built for another Node.js.',
      'npm rebuild',
    ],
    [
      'the kernel has no Bluetooth',
      { found: { unusable: 'There is none.', isForOtherNode: false } },
      'There is none.',
      'sudo modprobe bluetooth; without it the local network works all the same',
    ],
    ['there is no adapter', { found: { adapters: [] } }, 'there is no adapter', 'plug one in; the local network works without'],
    [
      'the chosen adapter is unplugged',
      { ble: { adapter: '02:00:00:00:00:0F' } },
      'there is no adapter 02:00:00:00:00:0f',
      `plug it in, or set pan.ble.adapter to one of: ${ON.address}`,
    ],
    [
      'both settings name the same adapter',
      { ble: { adapter: ON.address, secondAdapter: ON.address } },
      'pan.ble.adapter and pan.ble.secondAdapter are the same',
      'leave pan.ble.secondAdapter out',
    ],
    ['the only adapter is off', { found: { adapters: [OFF] } }, `the adapter ${OFF.address} is off`, 'sudo hciconfig hci1 up'],
    [
      'the chosen one is off and bluetoothd runs',
      { found: { adapters: [ON, OFF] }, ble: { adapter: OFF.address.toUpperCase() }, daemon: true },
      `the adapter ${OFF.address} is off`,
      'bluetoothctl power on',
    ],
  ])('says what is wrong and the cure when %s', async (_, situation, says, cure) => {
    expect(await examine(situation)).toEqual(warned(says, cure));
  });

  it('does not mind an adapter that is off beside one that is on', async () => {
    expect(await examine({ found: { adapters: [OFF, ON] } })).toMatchObject([{ outcome: 'ok' }]);
  });

  it.each(['', 'Segmentation fault'])('says so when nothing could be found out (%j)', async (found) => {
    expect(await examine({ found })).toMatchObject(warned('could not be looked at'));
  });

  it.each([
    ['soft', 'is switched off', 'sudo rfkill unblock bluetooth'],
    ['hard', 'is switched off by a switch on the device', 'turn that switch on'],
  ])('sees a %s switch', async (kind, says, cure) => {
    const sysRoot = await scratchDirectory();
    for (const [entry, type, state] of [
      ['rfkill0', 'wlan', '1'],
      ['rfkill1', 'bluetooth', '1'],
    ] as const) {
      await mkdir(join(sysRoot, 'class/rfkill', entry), { recursive: true });
      await writeFile(join(sysRoot, 'class/rfkill', entry, 'type'), `${type}\n`);
      await writeFile(join(sysRoot, 'class/rfkill', entry, kind), `${state}\n`);
    }
    expect(await examine({ sysRoot })).toEqual(warned(says, cure));
  });

  it('says how to permit it: to this Node.js, or in a systemd unit', async () => {
    const program = await realpath(process.execPath);
    const cure = `sudo setcap cap_net_raw+ep ${program} (or, in a systemd unit of the agent: AmbientCapabilities=CAP_NET_RAW)`;
    const says = 'this process may not open the adapter (CAP_NET_RAW is missing)';
    expect(await examine({ capabilities: '0000000000001000', running: false })).toEqual(warned(says, cure));
    expect(await examine({ capabilities: '0000000000002000', running: false })).toEqual([NOTHING_WRONG]);
    // An agent whose Bluetooth works has the permission, however it got it.
    expect(await examine({ capabilities: '0000000000000000' })).toEqual([NOTHING_WRONG]);
  });

  it('hands on what the running agent says, and names bluetoothd when that runs, too', async () => {
    const trouble = 'The Bluetooth adapter does not answer: plug it in again.';
    expect(await examine({ trouble })).toEqual(warned(trouble));
    expect(await examine({ trouble, daemon: true })).toEqual([
      ...warned(trouble),
      ...warned(
        'bluetoothd runs, too, and may hold the adapter',
        'stop it and power the adapter up: sudo systemctl stop bluetooth; sudo hciconfig hci0 up',
      ),
    ]);
  });

  it('knows of other systems only what the running agent says', async () => {
    expect(await examine({ platform: 'darwin' })).toEqual([{ name: 'Bluetooth', outcome: 'ok', says: 'works' }]);
    expect(await examine({ platform: 'darwin', trouble: 'It is off.' })).toEqual(warned('It is off.'));
    expect(await examine({ platform: 'darwin', running: false })).toMatchObject([{ outcome: 'skipped' }]);
  });
});

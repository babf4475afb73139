import { expect, it, vi } from 'vitest';
import { thisHost } from '../../src/device/host.js';
import { isBluetoothDaemonThere } from '../../src/doctor/bluetooth-daemon.js';
import { ownName, privateBus } from './private-bus.js';

it('sees that somebody owns the name of bluetoothd on the system bus, and that nobody does any more', async ({ skip }) => {
  const bus = await privateBus();
  if (bus === undefined) return skip('dbus-daemon is not installed');
  vi.stubEnv('DBUS_SYSTEM_BUS_ADDRESS', bus.address);
  const host = thisHost();
  expect(await isBluetoothDaemonThere(host)).toBe(false);
  const owner = await ownName(bus.path, 'org.bluez');
  expect(await isBluetoothDaemonThere(host)).toBe(true);
  owner.destroy();
  await vi.waitFor(async () => expect(await isBluetoothDaemonThere(host)).toBe(false), { timeout: 10_000 });
});

it.each([
  ['123\n', true],
  [undefined, false],
])('asks for the process where there is no bus (pidof: %j)', async (output, expected) => {
  const run = async (program: string) => (program === 'pidof' ? output : undefined);
  expect(await isBluetoothDaemonThere({ ...thisHost(), run })).toBe(expected);
});

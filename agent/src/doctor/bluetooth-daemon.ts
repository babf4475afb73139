import type { Host } from '../device/host.js';

const ASK = ['--system', '--print-reply=literal', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus'];

/**
 * Whether bluetoothd runs: whether somebody owns its name on the system bus (BlueZ doc/org.bluez.Adapter.rst). Where the bus cannot be
 * asked, whether there is a process of that name.
 */
export async function isBluetoothDaemonThere(host: Host): Promise<boolean> {
  const answer = await host.run('dbus-send', [...ASK, 'org.freedesktop.DBus.NameHasOwner', 'string:org.bluez']);
  const owned = /\bboolean (true|false)\b/.exec(answer ?? '')?.[1];
  if (owned !== undefined) return owned === 'true';
  return (await host.run('pidof', ['bluetoothd'])) !== undefined;
}

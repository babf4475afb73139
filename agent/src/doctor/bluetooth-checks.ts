import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.js';
import type { DoctorCheck } from '../control/api/doctor.js';
import type { Host } from '../device/host.js';
import type { Adapter } from '../pan/ble/radio/adapters.js';
import { isBluetoothDaemonThere } from './bluetooth-daemon.js';
import type { BluetoothProbe } from './bluetooth-probe.js';
import { type Check, type DoctorContext, ok, skipped, warning } from './check.js';

const name = 'Bluetooth';
/** Bit of CAP_NET_RAW in the capability sets of Linux. */
const CAP_NET_RAW = 1n << 13n;
/** Within the time of a check; a small computer takes seconds to start a program. */
const PROBE_MS = 8_000;
const PROBE = fileURLToPath(new URL('./bluetooth-probe.js', import.meta.url));

/** What is missing for Bluetooth LE. Everything else works without it, so that nothing here is a problem. */
export const checkBluetooth: Check = async (context) => {
  const { host, settings, bluetoothTrouble } = context;
  if (!settings.pan.ble.enabled) return [skipped(name, 'is switched off', 'set pan.ble.enabled to true in the configuration')];
  if (host.platform !== 'linux') return fromRadio(context) ?? [skipped(name, 'is looked at on Linux only')];
  const found = readProbe(await host.run(process.execPath, [PROBE], PROBE_MS));
  if (found === undefined)
    return [warning(name, 'could not be looked at', 'find out why with: node --version; npm ls --workspace @cpns/agent')];
  if ('notInstalled' in found) return [warning(name, `${found.notInstalled} is not installed`, 'npm install --include=optional')];
  if ('unusable' in found) {
    const cure = found.isForOtherNode ? 'npm rebuild' : 'sudo modprobe bluetooth; without it the local network works all the same';
    return [warning(name, found.unusable, cure)];
  }
  const blocked = await blockade(host);
  if (blocked !== undefined) return [blocked];
  const isDaemonThere = await isBluetoothDaemonThere(host);
  const missing = [...choice(settings.pan.ble, found.adapters, isDaemonThere), ...(await permission(context))];
  if (missing.length > 0) return missing;
  if (bluetoothTrouble === undefined) return [ok(name, `${addresses(found.adapters)}, driver and permission are there`)];
  const cure = 'stop it and power the adapter up: sudo systemctl stop bluetooth; sudo hciconfig hci0 up';
  return [
    warning(name, bluetoothTrouble),
    ...(isDaemonThere ? [warning(name, 'bluetoothd runs, too, and may hold the adapter', cure)] : []),
  ];
};

function fromRadio({ running, bluetoothTrouble }: DoctorContext): DoctorCheck[] | undefined {
  if (!running) return undefined;
  return [bluetoothTrouble === undefined ? ok(name, 'works') : warning(name, bluetoothTrouble)];
}

function readProbe(output: string | undefined): BluetoothProbe | undefined {
  try {
    return output === undefined ? undefined : (JSON.parse(output) as BluetoothProbe);
  } catch {
    return undefined;
  }
}

/** The switches of radios, in hardware and in software. */
async function blockade(host: Host): Promise<DoctorCheck | undefined> {
  const switches = join(host.sysRoot, 'class', 'rfkill');
  for (const entry of await readdir(switches).catch((): string[] => [])) {
    const read = async (file: string) => (await readFile(join(switches, entry, file), 'utf8').catch(() => '')).trim();
    if ((await read('type')) !== 'bluetooth') continue;
    if ((await read('hard')) === '1') return warning(name, 'is switched off by a switch on the device', 'turn that switch on');
    if ((await read('soft')) === '1') return warning(name, 'is switched off', 'sudo rfkill unblock bluetooth');
  }
  return undefined;
}

/** What is wrong with the adapters that the settings mean. */
function choice(ble: Settings['pan']['ble'], adapters: readonly Adapter[], isDaemonThere: boolean): DoctorCheck[] {
  if (adapters.length === 0) return [warning(name, 'there is no adapter', 'plug one in; the local network works without')];
  const wanted = (['adapter', 'secondAdapter'] as const).flatMap((setting) => {
    const address = ble[setting]?.toLowerCase();
    return address === undefined ? [] : [{ setting, address, adapter: adapters.find((candidate) => candidate.address === address) }];
  });
  const absent = wanted
    .filter(({ adapter }) => adapter === undefined)
    .map(({ setting, address }) =>
      warning(name, `there is no adapter ${address}`, `plug it in, or set pan.ble.${setting} to one of: ${addresses(adapters)}`),
    );
  const [first, second] = wanted;
  if (first !== undefined && first.address === second?.address) {
    absent.push(warning(name, 'pan.ble.adapter and pan.ble.secondAdapter are the same', 'leave pan.ble.secondAdapter out'));
  }
  const used = wanted.length > 0 ? wanted.flatMap(({ adapter }) => adapter ?? []) : adapters;
  const off = used.filter(({ powered }) => !powered);
  // Without a choice of the person any one that is on will do.
  if (off.length === 0 || (wanted.length === 0 && off.length < used.length)) return absent;
  const cure = ({ index }: Adapter) => (isDaemonThere ? 'bluetoothctl power on' : `sudo hciconfig hci${index} up`);
  return [...absent, ...off.map((adapter) => warning(name, `the adapter ${adapter.address} is off`, cure(adapter)))];
}

async function permission({ host, running, bluetoothTrouble }: DoctorContext): Promise<DoctorCheck[]> {
  if (running && bluetoothTrouble === undefined) return [];
  const status = await readFile(join(host.procRoot, 'self', 'status'), 'utf8').catch(() => '');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & CAP_NET_RAW) !== 0n) return [];
  const program = await realpath(process.execPath);
  const cure = `sudo setcap cap_net_raw+ep ${program} (or, in a systemd unit of the agent: AmbientCapabilities=CAP_NET_RAW)`;
  return [warning(name, 'this process may not open the adapter (CAP_NET_RAW is missing)', cure)];
}

function addresses(adapters: readonly Adapter[]): string {
  return adapters.map(({ address }) => address).join(', ');
}

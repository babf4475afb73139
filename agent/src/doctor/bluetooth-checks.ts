import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { DoctorCheck } from '../control/api/doctor.js';
import type { Host } from '../device/host.js';
import { type Check, ok, skipped, warning } from './check.js';

const name = 'Bluetooth';
/** Bit of CAP_NET_RAW in the capability sets of Linux. */
const CAP_NET_RAW = 1n << 13n;

/** What is missing for Bluetooth LE. Everything else works without it. */
export const checkBluetooth: Check = async ({ host }) => {
  const missing = [...driver(), ...(host.platform === 'linux' ? [...(await adapter(host)), ...(await permission())] : [])];
  if (missing.length > 0) return missing;
  if (host.platform !== 'linux') return [skipped(name, 'adapter and permission are looked at on Linux only')];
  return [ok(name, 'adapter, driver and permission are there')];
};

function driver(): DoctorCheck[] {
  const require = createRequire(import.meta.url);
  const absent = ['@abandonware/noble', '@abandonware/bleno'].filter((module) => {
    try {
      require.resolve(module);
      return false;
    } catch {
      return true;
    }
  });
  if (absent.length === 0) return [];
  return [warning(name, `${absent.join(' and ')} ${absent.length === 1 ? 'is' : 'are'} not installed`, 'npm install --include=optional')];
}

async function adapter(host: Host): Promise<DoctorCheck[]> {
  const found = await readdir(join(host.sysRoot, 'class', 'bluetooth')).catch((): string[] => []);
  if (!found.some((entry) => /^hci\d+$/.test(entry))) {
    return [warning(name, 'there is no adapter', 'plug one in; the local network works without')];
  }
  const switches = join(host.sysRoot, 'class', 'rfkill');
  for (const entry of await readdir(switches).catch((): string[] => [])) {
    const read = async (file: string) => (await readFile(join(switches, entry, file), 'utf8').catch(() => '')).trim();
    if ((await read('type')) !== 'bluetooth') continue;
    if ((await read('hard')) === '1') return [warning(name, 'is switched off by a switch on the device', 'turn that switch on')];
    if ((await read('soft')) === '1') return [warning(name, 'is switched off', 'sudo rfkill unblock bluetooth')];
  }
  return [];
}

async function permission(): Promise<DoctorCheck[]> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & CAP_NET_RAW) !== 0n) return [];
  const cure = 'add AmbientCapabilities=CAP_NET_RAW to the systemd unit of the agent';
  return [warning(name, 'this process may not open the adapter (CAP_NET_RAW is missing)', cure)];
}

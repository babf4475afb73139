import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NETWORK_KINDS } from '../config/settings.js';
import type { Host } from './host.js';

export type NetworkName = (typeof NETWORK_KINDS)[number];

/** What an interface is when only its name is known. */
const BY_NAME: readonly (readonly [RegExp, NetworkName])[] = [
  [/^(wwan|rmnet|ccmni|pdp_ip|ppp)/i, 'cellular'],
  [/^(wl|wifi|wi-fi|ath|ra\d)/i, 'wifi'],
  [/^(eth|en|em\d|p\d+p\d+|usb\d|veth|br)/i, 'ethernet'],
];
/** ARPHRD_ETHER of Linux. */
const ETHERNET_TYPE = '1';

function byName(name: string): NetworkName {
  return BY_NAME.find(([form]) => form.test(name))?.[1] ?? 'other';
}

/** Kinds of network that this device is attached to, each once, in the order of the table. Loopback is none. */
export async function readNetworks(host: Host): Promise<NetworkName[]> {
  const found = new Set<NetworkName>();
  for (const name of host.interfaces().slice(0, 64)) found.add(await kindOf(host, name));
  return (['ethernet', 'wifi', 'cellular', 'other'] as const).filter((kind) => found.has(kind));
}

async function kindOf(host: Host, name: string): Promise<NetworkName> {
  if (host.platform !== 'linux' && host.platform !== 'android') return byName(name);
  // Addresses may carry an alias, eth0:1.
  const directory = join(host.sysRoot, 'class', 'net', name.replace(/:.*$/, '').replaceAll('/', ''));
  const exists = (path: string) =>
    access(join(directory, path)).then(
      () => true,
      () => false,
    );
  if ((await exists('wireless')) || (await exists('phy80211'))) return 'wifi';
  const uevent = await readFile(join(directory, 'uevent'), 'utf8').catch(() => '');
  if (/^DEVTYPE=wwan$/m.test(uevent)) return 'cellular';
  const type = await readFile(join(directory, 'type'), 'utf8').catch(() => '');
  const guess = byName(name);
  if (guess === 'cellular') return 'cellular';
  return type.trim() === ETHERNET_TYPE && guess === 'other' ? 'ethernet' : guess;
}

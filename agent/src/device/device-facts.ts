import { type DeviceCapabilities, NetworkKind } from '@cpns/shared/messages';
import type { Settings } from '../config/settings.js';
import type { Host } from './host.js';
import { type NetworkName, readNetworks } from './networks.js';
import { readPower } from './power.js';

/** The part of the Device Capabilities that the device itself knows; the rest is the agent's. */
export type DeviceFacts = Pick<
  DeviceCapabilities,
  'mains' | 'batteryPercent' | 'cores' | 'memoryMiB' | 'networks' | 'ui' | 'zone' | 'canRoute' | 'preference'
>;

const KINDS: Readonly<Record<NetworkName, DeviceFacts['networks'][number]>> = {
  ethernet: NetworkKind.Ethernet,
  wifi: NetworkKind.Wifi,
  cellular: NetworkKind.Cellular,
  other: NetworkKind.Other,
};

/** Reads what this computer is and has now. Settings go before what is found. Never throws. */
export async function readDeviceFacts(host: Host, device: Settings['device']): Promise<DeviceFacts> {
  const power = await readPower(host);
  const networks = device.networks ?? (await readNetworks(host));
  return {
    mains: device.power === 'auto' ? power.mains : device.power === 'mains',
    batteryPercent: device.batteryPercent ?? power.batteryPercent,
    cores: device.cores ?? Math.min(host.cores, 4096),
    memoryMiB: device.memoryMiB ?? Math.floor(host.memoryOctets / 1_048_576),
    networks: networks.map((name) => KINDS[name]),
    ui: hasUserInterface(host, device.userInterface),
    zone: device.zone,
    canRoute: device.canRoute,
    preference: device.preference,
  };
}

/** A person can be asked here: there is a terminal or a desktop. A service has neither, and says so in its configuration if it has. */
export function hasUserInterface(host: Host, setting: Settings['device']['userInterface']): boolean {
  if (setting !== 'auto') return setting === 'yes';
  if (host.terminal) return true;
  if (host.platform === 'win32') return Boolean(host.env.SESSIONNAME);
  if (host.platform === 'darwin') return Boolean(host.env.TERM_PROGRAM);
  return Boolean(host.env.DISPLAY || host.env.WAYLAND_DISPLAY);
}

/** A CPNS device as a library: the pure core and its ports, for rigs that play whole networks in one process. */
export type { ConsentPolicy } from './entity/consent-desk.js';
export { Device, type DeviceOptions } from './entity/device.js';
export type { DeviceIdentity, DeviceSettings, Happening } from './entity/device-context.js';
export { DeviceState, PnRole, pnIdText } from './entity/device-state.js';
export type { ReceivedMessage } from './entity/messenger.js';
export type { PairingReport, PairingRequest } from './entity/pairing/pairing-service.js';
export type { Announcement, PanEvents, PanTechnology, Sighting } from './entity/pan-technology.js';
export type { DeviceFacts } from './entity/role-keeper.js';
export type { Reachability, Uplink, UplinkEvents } from './entity/uplink-port.js';

export { isOwnAddress, plainAddress } from './addresses.js';
export { InterfaceWatch, type InterfaceWatchOptions } from './interface-watch.js';
export { MdnsService, type MdnsServiceEvents, type MdnsServiceOptions } from './mdns-service.js';
export type { HostNetwork, InterfaceAddress, NetworkInterface } from './network-interfaces.js';
export type { ServicePublication } from './records.js';
export type { ServiceSighting } from './service-cache.js';

export * from './errors.js';
export * from './host-port.js';
export * from './ids.js';
export * from './ports.js';
export * from './store-contents.js';
export * from './time.js';
export * from './uplink/authorize.js';
export * from './uplink/topics.js';

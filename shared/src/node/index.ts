export * from './mdns/index.js';
export * from './system-clock.js';

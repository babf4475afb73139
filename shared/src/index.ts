export * from './errors.js';
export * from './ids.js';
export * from './ports.js';
export * from './time.js';

export * from './describe.js';
export * from './load.js';
export * as setting from './setting.js';

export * from './bytes.js';
export type * from './handshake-types.js';
export * from './kdf.js';
export * from './labels.js';
export * from './replay-window.js';
export * from './secret.js';

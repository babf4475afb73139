export * from './segment.js';
export * from './segment-receiver.js';
export * from './segment-sender.js';
export * from './segment-stream.js';

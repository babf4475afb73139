export * from './at-gateway.js';
export * from './at-pne.js';
export * from './at-server.js';
export * from './group-at-gateway.js';
export * from './group-at-member.js';
export * from './group-at-server.js';
export * from './outcome-table.js';

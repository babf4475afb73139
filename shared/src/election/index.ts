export * from './elect.js';
export * from './score.js';

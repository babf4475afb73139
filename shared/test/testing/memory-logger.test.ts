import { expect, it } from 'vitest';
import { MemoryLogger } from '../../src/testing/index.js';

it('collects the lines of all levels and children, and finds them', () => {
  const log = new MemoryLogger();
  log.debug('one');
  log.info('two', { n: 2 });
  log.child('pan').notice('three');
  log.child('pan').child('lan').warn('four three');
  log.error('five');
  expect(log.lines.map(({ level, component, message }) => `${level} ${component} ${message}`)).toEqual([
    'debug  one',
    'info  two',
    'notice pan three',
    'warn pan/lan four three',
    'error  five',
  ]);
  expect(log.find('three')).toHaveLength(2);
  expect(log.find('three', 'warn')).toHaveLength(1);
  expect(log.find(/^t/).map((line) => line.fields)).toEqual([{ n: 2 }, {}]);
});

import { Secret } from '@cpns/shared/security';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { MAX_KEPT_LOG_LINES } from '../../../src/control/api/logs.js';
import { LogMemory } from '../../../src/control/device-control/log-memory.js';

function remembering() {
  const inner = new MemoryLogger();
  const memory = new LogMemory(new VirtualClock());
  return { inner, memory, logger: memory.over(inner) };
}

describe('the memory of the log', () => {
  it('hands every line on and keeps it, with its component', () => {
    const { inner, memory, logger } = remembering();
    logger.info('started', { port: 7400 });
    logger.child('lan').child('mdns').debug('heard');
    expect(memory.past('debug', 10)).toEqual([
      { wallMs: expect.any(Number), level: 'info', component: 'agent', message: 'started', fields: { port: 7400 } },
      { wallMs: expect.any(Number), level: 'debug', component: 'lan/mdns', message: 'heard', fields: {} },
    ]);
    expect(inner.lines.map(({ component, message }) => [component, message])).toEqual([
      ['', 'started'],
      ['lan/mdns', 'heard'],
    ]);
  });

  it('gives the last lines that are severe enough', () => {
    const { memory, logger } = remembering();
    for (const level of ['debug', 'info', 'notice', 'warn', 'error', 'info'] as const) logger[level](level);
    const past = (...args: Parameters<LogMemory['past']>) => memory.past(...args).map(({ level }) => level);
    expect(past('notice', 10)).toEqual(['notice', 'warn', 'error']);
    expect(past('info', 2)).toEqual(['error', 'info']);
    expect(past('debug', 0)).toEqual([]);
  });

  it('forgets the oldest lines', () => {
    const { memory, logger } = remembering();
    for (let i = 0; i <= MAX_KEPT_LOG_LINES; i++) logger.info(String(i));
    const past = memory.past('debug', MAX_KEPT_LOG_LINES);
    expect(past).toHaveLength(MAX_KEPT_LOG_LINES);
    expect(past[0]?.message).toBe('1');
  });

  it('keeps no octets, no secrets and nothing that a terminal obeys', () => {
    const { memory, logger } = remembering();
    const key = new Secret('K_pair', new Uint8Array(32).fill(7));
    logger.warn('a \u001b[31mred\n line', { octets: new Uint8Array(32).fill(7), token: 'abc', kPair: key, pairingCode: '123456' });
    const [line] = memory.past('debug', 1);
    expect(line?.message).toBe('a \\u{1b}[31mred\\u{a} line');
    expect(line?.fields).toEqual({ octets: '[32 octets]', token: '[redacted]', kPair: '[secret K_pair]', pairingCode: '[redacted]' });
  });

  it('tells followers of lines to come until they have had enough', () => {
    const { memory, logger } = remembering();
    const heard: string[] = [];
    const stop = memory.follow('notice', ({ message }) => heard.push(message));
    logger.info('quiet');
    logger.error('loud');
    stop();
    logger.error('later');
    expect(heard).toEqual(['loud']);
  });
});

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CpnsError } from '../../src/errors.js';
import { createLogger, type LoggerOptions } from '../../src/node/index.js';
import { Secret } from '../../src/security/secret.js';

function captured(options: LoggerOptions = {}) {
  const stream = new PassThrough();
  const log = createLogger({ destination: stream, ...options });
  const text = () => (stream.read() as Buffer | null)?.toString() ?? '';
  const line = () => JSON.parse(text()) as Record<string, unknown>;
  return { log, text, line, stream };
}

describe('createLogger, json', () => {
  it('writes one object per line with level, time, component, message and fields', () => {
    const { log, line } = captured();
    log
      .child('pan')
      .child('lan')
      .notice('found a device', { peer: 'phone', addresses: ['10.0.0.2:4000'], age: 1.5 });
    const { time, ...rest } = line();
    expect(rest).toEqual({
      level: 'notice',
      component: 'pan/lan',
      message: 'found a device',
      peer: 'phone',
      addresses: ['10.0.0.2:4000'],
      age: 1.5,
    });
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  it('writes from its level upward, and can change it for all children', () => {
    const { log, text } = captured({ level: 'notice' });
    const child = log.child('c');
    for (const level of ['debug', 'info', 'notice', 'warn', 'error'] as const) child[level](level);
    expect(text().match(/"message":"\w+"/g)).toEqual(['"message":"notice"', '"message":"warn"', '"message":"error"']);
    log.setLevel('debug');
    child.debug('now');
    expect(text()).toContain('now');
  });

  it('keeps a field from passing for one of its own', () => {
    const { log, line } = captured();
    log.info('real', { message: 'forged', level: 'error', time: 0, component: 'x' });
    expect(line()).toMatchObject({ message: 'real', level: 'info', message_: 'forged', level_: 'error', time_: 0, component_: 'x' });
  });

  it('shows no secret: neither as Secret, nor as octets, nor under a telling name', () => {
    const { log, text } = captured();
    const canary = new TextEncoder().encode('canary-canary-canary-canary-1234');
    log.info('m', {
      secret: new Secret('k1', canary),
      held: new Secret('k2', canary),
      octets: canary,
      nested: { deep: [canary, Buffer.from(canary), canary.buffer] },
      euKey: 'canary-1',
      eu_key: 'canary-1',
      groupKey: 'canary-1',
      key: 'canary-1',
      password: 'canary-1',
      sessionToken: 'canary-1',
      enrolmentCode: 'canary-1',
    });
    const written = text();
    expect(written).not.toContain('canary');
    expect(written).not.toContain(Buffer.from(canary).toString('hex'));
    expect(written).not.toContain('99,97,110');
    expect(written).toContain('[secret k2]');
    expect(written).toContain('[32 octets]');
  });

  it('shows what may be shown: ids of keys, public keys and codes of errors', () => {
    const { log, line } = captured();
    log.info('m', { keyId: '0123456789abcdef', publicKey: 'abc', code: 'ENOENT' });
    expect(line()).toMatchObject({ keyId: '0123456789abcdef', publicKey: 'abc', code: 'ENOENT' });
  });

  it('tells errors with their causes', () => {
    const { log, line } = captured();
    log.error('failed', { error: new CpnsError('State', 'DiskFull', 'The disk is full.', { cause: new Error('ENOSPC') }) });
    expect(line().error).toBe('DiskFull: The disk is full. (because: Error: ENOSPC)');
  });

  it('is bounded and survives whatever it is given', () => {
    const { log, text } = captured();
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    const broken = {
      get trap() {
        throw new Error('trap');
      },
    };
    log.info('x'.repeat(100_000), {
      long: 'y'.repeat(100_000),
      many: Array.from({ length: 10_000 }, (_, i) => i),
      loop,
      broken,
      n: 10n,
      nan: Number.NaN,
      fn: () => 1,
      map: new Map([[1, 2]]),
      none: undefined,
      nil: null,
    });
    const written = text();
    expect(written.length).toBeLessThan(4_000);
    expect(JSON.parse(written)).toMatchObject({
      broken: { trap: '[unreadable]' },
      n: '10',
      nan: 'NaN',
      fn: '[function]',
      map: '[1 entries]',
      nil: null,
    });
  });

  it.each(['\u001b[2J', '\u009b2J', 'two\nlines', '\u202eright to left', 'nul\u0000', '\u2028', '\ud800'])('defuses %j', (text) => {
    for (const format of ['json', 'text'] as const) {
      const { log, text: written } = captured({ format, colours: false });
      log.child(text).info(text, { field: text, [text]: 1 });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(written()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e\ufffd]|\n./);
    }
  });
});

describe('createLogger, text', () => {
  it('writes one readable line', () => {
    const { log, text } = captured({ format: 'text' });
    log.child('pan').warn('no answer', { peer: 'phone', why: 'took too long', n: 3 });
    expect(text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {3}pan: no answer {2}peer=phone why="took too long" n=3\n$/);
    log.info('plain');
    expect(text()).toMatch(/^\S+ info {3}plain\n$/);
  });

  it('uses colours where it is told to', () => {
    const { log, text } = captured({ format: 'text', colours: true });
    log.error('bad');
    expect(text()).toContain('\u001b[31merror \u001b[0m');
  });
});

describe('createLogger, destinations', () => {
  it('appends to a private file, each line before the call returns', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cpns-log-'));
    const file = join(directory, 'agent.log');
    for (const message of ['first', 'second']) {
      const log = createLogger({ destination: { file } });
      log.info(message);
      log.close();
      log.info('too late');
    }
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['first', 'second']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await rm(directory, { recursive: true });
  });

  it('says so when the file cannot be opened', () => {
    expect(() => createLogger({ destination: { file: '/proc/none/agent.log' } })).toThrow(expect.objectContaining({ family: 'State' }));
  });

  it('goes on when the disk is full', () => {
    const log = createLogger({ destination: { file: '/dev/full' } });
    for (let i = 0; i < 3; i++) log.info('lost');
    log.close();
  });

  it('writes nothing more once it is closed', () => {
    const { log, text } = captured();
    log.close();
    log.info('too late');
    expect(text()).toBe('');
  });

  it('goes on when the reader has gone', () => {
    const { log, stream } = captured();
    stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    stream.destroy();
    log.info('nobody reads this');
  });
});

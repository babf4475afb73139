import { spawn } from 'node:child_process';
import { chmod, lstat, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { EntityId } from '@cpns/shared';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ControlServer } from '../../src/control/control-server.js';
import { controlPath } from '../../src/control/control-socket.js';
import { ExitCode } from '../../src/control/exit-codes.js';
import { MAX_REQUEST_OCTETS } from '../../src/control/frames.js';
import { controlClient, serveControl, systemClock } from '../support/control.js';
import { scratchDirectory } from '../support/scratch.js';
import { scriptedAgent } from '../support/scripted-agent.js';

const laptop = 'laptop' as EntityId;

function open(path: string): Promise<ControlServer> {
  return ControlServer.open({ agent: scriptedAgent({}), path, clock: systemClock, logger: new MemoryLogger() });
}

/** A client that is none of ours. `answer`: all text until the server ends the connection. */
function rawClient(path: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  return { socket, answer: new Promise((resolve) => socket.on('close', () => resolve(text))) };
}

/** A promise and what settles it. */
function once<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('the socket', () => {
  it('is for its user alone', async () => {
    const { path } = await serveControl({});
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
  });

  it('does not open in a directory that others can enter', async () => {
    const path = controlPath(await scratchDirectory());
    await chmod(dirname(path), 0o755);
    await expect(open(path)).rejects.toMatchObject({
      code: 'UnsafePermissions',
      message: expect.stringContaining(`chmod 700 ${dirname(path)}`),
    });
  });

  it('does not replace that of a running agent', async () => {
    const { path } = await serveControl({});
    await expect(open(path)).rejects.toMatchObject({ code: 'AlreadyRunning' });
  });

  it('replaces that of a killed agent', async () => {
    const path = controlPath(await scratchDirectory());
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', program]).once('exit', resolve));
    expect((await lstat(path)).isSocket()).toBe(true);
    const server = await open(path);
    await server.close();
    await expect(lstat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not remove what is no socket', async () => {
    const path = controlPath(await scratchDirectory());
    await writeFile(path, 'precious');
    await expect(open(path)).rejects.toMatchObject({ code: 'StoreFailed', message: expect.stringContaining('is not a socket') });
  });
});

describe('requests', () => {
  it.each([
    { method: 'unpair', params: { peer: 'No Such Id' }, says: 'peer: must be an entity id: 3 to 32 characters of a-z, 0-9 and "-".' },
    { method: 'pair.open', params: { timeoutMs: 120_001 }, says: 'timeoutMs: must be at most 120000 ms.' },
    { method: 'pair.answer', params: { attempt: 1, answer: { type: 'code', code: '12345' } }, says: 'answer.code: must be six digits.' },
    { method: 'pn.create', params: { setup: 'named', pnes: [] }, says: 'pnes: must name at least one device.' },
    { method: 'pn.create', params: { setup: 'named', pnes: ['abc', 'abc'] }, says: 'pnes: must not name a device twice.' },
    { method: 'send', params: { to: { kind: 'server' }, payload: 'A'.repeat(21_400) }, says: 'payload: must be at most 16000 octets.' },
    { method: 'send', params: { to: { kind: 'server' }, payload: '*' }, says: 'payload: must be base64.' },
    { method: 'send', params: { to: { kind: 'server' }, payload: '', channel: 'a\n' }, says: /^channel: must be 1 to 32 characters of / },
    {
      method: 'send',
      params: { to: { kind: 'server' }, payload: '', contentType: 'a\n' },
      says: 'contentType: must not hold control characters.',
    },
    { method: 'status', params: { surprise: 1 }, says: /^surprise: / },
  ])('with wrong parameters do not reach the agent: $method, $says', async ({ method, params, says }) => {
    const { path } = await serveControl({});
    const client = await controlClient(path);
    const outcome = await client.request(method as 'status', params as object).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'BadParams', exitCode: ExitCode.Usage });
    expect((outcome as Error).message).toMatch(says);
  });

  it.each(['teleport', 'constructor', '__proto__'])('for an unknown method get an answer: %s', async (method) => {
    const { path } = await serveControl({});
    const client = await controlClient(path);
    await expect(client.request(method as 'status', {})).rejects.toMatchObject({
      code: 'UnknownMethod',
      message: `The running agent does not know "${method}"; restart it after an update.`,
    });
  });

  it('that fail inside tell nothing of the inside, but log it', async () => {
    const { path, logger } = await serveControl({ status: () => Promise.reject(new TypeError('x is undefined')) });
    const client = await controlClient(path);
    await expect(client.request('status', {})).rejects.toThrow('Something unexpected went wrong; the log has the detail.');
    expect(logger.find('a control request failed', 'error')[0]?.fields).toEqual({
      method: 'status',
      why: expect.stringContaining('x is undefined'),
    });
  });

  it('are never logged with their parameters, which may be secret', async () => {
    const { path, logger } = await serveControl({ takePairingLink: () => Promise.reject(new Error('broken')) });
    const client = await controlClient(path);
    await expect(client.request('pair.link.take', { link: 'http://192.0.2.1:1/p#canary' })).rejects.toThrow();
    expect(logger.lines).not.toHaveLength(0);
    expect(JSON.stringify(logger.lines)).not.toContain('canary');
  });

  it('of a second client are served while the first one waits', async () => {
    const { path } = await serveControl({
      watch: (_params, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
      listConsents: async () => ({ consents: [] }),
    });
    const stop = new AbortController();
    const first = await controlClient(path);
    const watching = first.request('watch', {}, { signal: stop.signal, timeoutMs: Infinity }).catch((error: unknown) => error);
    const second = await controlClient(path);
    expect(await second.request('consent.list', {})).toEqual({ consents: [] });
    stop.abort();
    expect(await watching).toMatchObject({ code: 'Aborted' });
  });

  it.each([
    { how: 'goes away', code: 'ClientGone' },
    { how: 'cancels', code: 'Aborted' },
  ])('are aborted when their client $how', async ({ how, code }) => {
    const started = once();
    const aborted = once<unknown>();
    const { path } = await serveControl({
      watch: (_params, { signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        started.resolve();
        return aborted.promise as Promise<never>;
      },
    });
    const stop = new AbortController();
    const client = await controlClient(path);
    const outcome = client.request('watch', {}, { signal: stop.signal }).catch((error: unknown) => error);
    await started.promise;
    if (how === 'cancels') stop.abort();
    else client.close();
    expect(await aborted.promise).toMatchObject({ code });
    expect(await outcome).toBeInstanceOf(Error);
  });

  it('may come in pieces and several at once', async () => {
    const { path } = await serveControl({ unpair: async ({ peer }) => ({ peer }) });
    const { socket } = rawClient(path);
    const line = (id: number) => `{"id":${id},"method":"unpair","params":{"peer":"${laptop}"}}\n`;
    socket.write(line(1).slice(0, 20));
    socket.write(`${line(1).slice(20)}\n${line(2)}`);
    const both = once<string>();
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.split('\n').length === 3) both.resolve(text);
    });
    const answers = (await both.promise).trim().split('\n');
    expect(answers.map((answer) => JSON.parse(answer))).toEqual([
      { id: 1, result: { peer: laptop } },
      { id: 2, result: { peer: laptop } },
    ]);
  });
});

describe('a client is sent away', () => {
  it.each([
    { what: 'text that is not JSON', octets: 'hello\n' },
    { what: 'an array', octets: '[]\n' },
    { what: 'an id that is no number', octets: '{"id":"x","method":"status"}\n' },
    { what: 'a field that does not exist', octets: '{"id":1,"method":"status","also":1}\n' },
    { what: 'parameters that are a list', octets: '{"id":1,"method":"status","params":[]}\n' },
    { what: 'octets that are not UTF-8', octets: Buffer.from([0xff, 0xfe, 0x0a]) },
    { what: 'deep nesting', octets: `${'['.repeat(60_000)}\n` },
  ])('when it writes $what', async ({ octets }) => {
    const { path } = await serveControl({});
    const { socket, answer } = rawClient(path);
    socket.write(octets);
    expect(JSON.parse(await answer)).toMatchObject({ id: null, error: { code: 'BadLine', exitCode: ExitCode.Failed } });
  });

  it('when its line has no end', async () => {
    const { path } = await serveControl({});
    const { socket, answer } = rawClient(path);
    socket.write('x'.repeat(MAX_REQUEST_OCTETS + 1));
    expect(JSON.parse(await answer)).toMatchObject({ id: null, error: { code: 'LineTooLong' } });
  });

  it('when it uses an id twice', async () => {
    const { path } = await serveControl({ status: () => new Promise(() => {}) });
    const { socket, answer } = rawClient(path);
    socket.write('{"id":1,"method":"status"}\n{"id":1,"method":"status"}\n');
    expect(JSON.parse(await answer)).toMatchObject({ id: null, error: { code: 'BadLine' } });
  });

  it('when there are too many', async () => {
    const { path } = await serveControl({}, { maxClients: 2 });
    await controlClient(path);
    await controlClient(path);
    expect(JSON.parse(await rawClient(path).answer)).toMatchObject({ error: { code: 'TooManyClients' } });
  });

  it('when it has been idle for a minute, but not while it waits for something', async () => {
    const clock = new VirtualClock();
    const began = once();
    const { path } = await serveControl(
      {
        watch: () => {
          began.resolve();
          return new Promise(() => {});
        },
      },
      { clock },
    );
    const idle = rawClient(path);
    const busy = rawClient(path);
    busy.socket.write('{"id":1,"method":"watch"}\n');
    await began.promise;
    await clock.advance(60_000);
    expect(await idle.answer).toBe('');
    expect(busy.socket.destroyed).toBe(false);
  });

  it('when it does not read what it asked for', async () => {
    const cut = once();
    const { path, logger } = await serveControl({
      logs: async (_params, { signal, emit }) => {
        signal.addEventListener('abort', () => cut.resolve());
        const message = 'x'.repeat(100_000);
        for (let i = 0; i < 100; i++) emit({ wallMs: 0, level: 'info', component: 'test', message, fields: {} });
        await cut.promise;
      },
    });
    const { socket } = rawClient(path);
    socket.pause();
    socket.write('{"id":1,"method":"logs"}\n');
    await cut.promise;
    expect(logger.find('does not read what it asked for', 'warn')).toHaveLength(1);
  });

  it('but not for asking too much at once: that request alone fails', async () => {
    const { path } = await serveControl({ status: () => new Promise(() => {}), unpair: async ({ peer }) => ({ peer }) });
    const { socket } = rawClient(path);
    for (let id = 1; id <= 17; id++) socket.write(`{"id":${id},"method":"status"}\n`);
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(JSON.parse(String(answer))).toMatchObject({ id: 17, error: { code: 'TooManyRequests' } });
  });
});

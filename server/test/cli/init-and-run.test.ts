import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { decodeEnrolment } from '@cpns/shared';
import { euKeyPrk, nobleProvider, rootFromPrk } from '@cpns/shared/security';
import jsqr from 'jsqr';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../api/rig.js';
import { type CliResult, cli, ONE_LINE } from './rig.js';

const TRIAL = ['--port', '0', '--admin-port', '0', '--host', '127.0.0.1'];

async function initialised(...args: string[]): Promise<string> {
  const state = join(await temporaryDirectory(), 'state');
  expect((await cli(['--state', state, 'init', ...TRIAL, ...args])).code).toBe(0);
  // Tests announce nothing.
  const config = join(state, 'config.yaml');
  await writeFile(config, (await readFile(config, 'utf8')).replace('announce: true', 'announce: false'));
  return state;
}

/** `cpns-server run` in this process, ready. */
async function running(state: string, ...args: string[]) {
  const stop = new AbortController();
  let ended: Promise<CliResult> | undefined;
  const ready = new Promise<{ uplink: { host: string; port: number }; adminUrl: string; serverId: string; publicAddress: string }>(
    (resolve, reject) => {
      ended = cli(['--state', state, '--json', 'run', '--log-level', 'warn', ...args], {
        signal: stop.signal,
        onOutput: (out) => resolve(JSON.parse(out)),
      });
      ended.then((result) => reject(new Error(`it ended: ${result.err}`)));
    },
  );
  const end = () => {
    stop.abort();
    return ended as Promise<CliResult>;
  };
  onTestFinished(() => void end());
  return { ...(await ready), end };
}

describe('init', () => {
  it('makes a state directory that only its owner can use', async () => {
    const state = await initialised('--id', 'home');
    expect((await stat(state)).mode & 0o777).toBe(0o700);
    expect((await readdir(state)).sort()).toEqual(['admin.token', 'config.yaml', 'master.key']);
    for (const name of await readdir(state)) expect((await stat(join(state, name))).mode & 0o777).toBe(0o600);
    const config = await readFile(join(state, 'config.yaml'), 'utf8');
    expect(config).toContain('  id: home\n');
    expect(config).toContain('  # TCP port to listen on; 0 takes a free one.');
  });

  it('draws an id, says what comes next, and shows no secret', async () => {
    const state = join(await temporaryDirectory(), 'deep', 'state');
    const { out } = await cli(['--state', state, 'init']);
    expect(out).toMatch(/^The server "cpns-[0-9a-f]{8}" is made\.\n/);
    expect(out).toContain('  $ cpns-server run\n');
    const token = (await readFile(join(state, 'admin.token'), 'latin1')).trim();
    expect(out).not.toContain(token);
    const json = await cli([
      '--state',
      join(await temporaryDirectory(), 's'),
      '--json',
      'init',
      '--id',
      'home',
      '--address',
      'cpns.example.org:1',
    ]);
    expect(JSON.parse(json.out)).toMatchObject({ serverId: 'home', stateDirectory: expect.any(String), configFile: expect.any(String) });
  });

  it('never touches a server that is there', async () => {
    const state = await initialised();
    const key = await readFile(join(state, 'master.key'));
    const { code, err } = await cli(['--state', state, 'init']);
    expect(code).toBe(4);
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain('was left as it is');
    expect(await readFile(join(state, 'master.key'))).toEqual(key);
  });

  it('goes on where an interrupted one ended', async () => {
    const state = await initialised();
    const key = await readFile(join(state, 'master.key'));
    await rm(join(state, 'config.yaml'));
    expect((await cli(['--state', state, 'init', ...TRIAL])).code).toBe(0);
    expect(await readFile(join(state, 'master.key'))).toEqual(key);
  });

  it('refuses a directory that others can enter, or that is none', async () => {
    const open = join(await temporaryDirectory(), 'open');
    await mkdir(open, { mode: 0o755 });
    await chmod(open, 0o755);
    const exposed = await cli(['--state', open, 'init']);
    expect(exposed.code).toBe(5);
    expect(exposed.err).toMatch(ONE_LINE);
    expect(exposed.err).toContain(`chmod 700 ${open}`);
    expect(await readdir(open)).toEqual([]);
    const file = join(open, 'file');
    await writeFile(file, '');
    expect(await cli(['--state', file, 'init'])).toMatchObject({ code: 5 });
  });

  it('takes the state directory from $CPNS_SERVER_STATE', async () => {
    const state = join(await temporaryDirectory(), 'from-env');
    expect((await cli(['init', ...TRIAL], { env: { CPNS_SERVER_STATE: state } })).code).toBe(0);
    expect(await readdir(state)).toContain('master.key');
  });
});

describe('run', () => {
  it('serves the commands: a device gets a code with which it can connect', async () => {
    const state = await initialised('--id', 'home');
    const server = await running(state);
    expect(server.serverId).toBe('home');
    const run = (...args: string[]) => cli(['--state', state, ...args]);
    expect((await run('user', 'add', 'ann')).code).toBe(0);
    const { out } = await run('device', 'add', 'phone-1', '--user', 'ann');

    const code = /^CPNS1-\S+$/m.exec(out)?.[0] as string;
    expect(readQr(out.split('\n').filter((line) => /[█▀▄]/.test(line)))).toBe(code);
    const enrolment = decodeEnrolment(nobleProvider, code);
    expect(enrolment).toMatchObject({
      entityId: 'phone-1',
      serverId: 'home',
      server: `127.0.0.1:${server.uplink.port}`,
      subscription: { userId: 'ann', services: ['pn-gw'] },
    });

    const root = rootFromPrk(nobleProvider, euKeyPrk(nobleProvider, enrolment.euKey));
    await connects(server.uplink, 'phone-1', root.kTls.reveal());
    expect((await run('device', 'show', 'phone-1')).out).toContain(`kid ${root.kid}`);
    expect((await run('device', 'revoke', 'phone-1')).code).toBe(0);
    await expect(connects(server.uplink, 'phone-1', root.kTls.reveal())).rejects.toThrow();

    const ended = await server.end();
    expect(ended.code).toBe(0);
    expect(ended.err).not.toContain('CPNS1-');
    expect((await run('user', 'list')).code).toBe(3);
  });

  it('keeps what was told it', async () => {
    const state = await initialised();
    const first = await running(state);
    await cli(['--state', state, 'user', 'add', 'ann']);
    await first.end();
    await running(state);
    expect((await cli(['--state', state, 'user', 'list'])).out).toContain('ann');
  });

  it('prints one line for people', async () => {
    const state = await initialised('--id', 'home');
    const stop = new AbortController();
    const { code, out } = await cli(['--state', state, 'run'], { signal: stop.signal, onOutput: () => stop.abort() });
    expect(code).toBe(0);
    expect(out).toMatch(
      /^The server "home" runs\. Devices connect to 127\.0\.0\.1:\d+; the admin API is http:\/\/127\.0\.0\.1:\d+\. Stop it with Ctrl-C\.\n$/,
    );
  });

  it.each([
    ['where there is none', 5, 'cpns-server init', (state: string) => rm(state, { recursive: true })],
    ['with a second process', 5, 'already', (state: string) => running(state)],
    [
      'with a setting that does not exist',
      2,
      'config.yaml:1: nonsense is not a setting',
      (state: string) => writeFile(join(state, 'config.yaml'), 'nonsense: 1\n'),
    ],
    ['with a master key that others can read', 5, 'chmod 600', (state: string) => chmod(join(state, 'master.key'), 0o644)],
    ['with a master key that is cut', 5, 'restore', (state: string) => writeFile(join(state, 'master.key'), 'short')],
    [
      'with another server id',
      5,
      'server.id',
      async (state: string) => {
        await (await running(state)).end();
        const file = join(state, 'config.yaml');
        await writeFile(file, (await readFile(file, 'utf8')).replace(/id: cpns-\w+/, 'id: other'));
      },
    ],
  ] as [string, number, string, (state: string) => Promise<unknown>][])('fails %s, in one line', async (_what, expected, hint, spoil) => {
    const state = await initialised();
    await spoil(state);
    const { code, out, err } = await cli(['--state', state, 'run', '--log-level', 'error']);
    expect({ code, out }).toEqual({ code: expected, out: '' });
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain(hint);
  });

  it('fails on a port that is taken, and leaves nothing behind', async () => {
    const first = await running(await initialised());
    const state = await initialised();
    const file = join(state, 'config.yaml');
    const config = await readFile(file, 'utf8');
    await writeFile(file, config.replace('\n  port: 0\n', `\n  port: ${first.uplink.port}\n`));
    const { code, err } = await cli(['--state', state, 'run', '--log-level', 'error']);
    expect(code).toBe(1);
    expect(err).toBe(`cpns-server: Port ${first.uplink.port} is taken: stop the other program, or choose another port with uplink.port.\n`);
    await writeFile(file, config);
    await running(state);
  });
});

function connects({ host, port }: { host: string; port: number }, identity: string, psk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      maxVersion: 'TLSv1.2',
      pskCallback: () => ({ psk, identity }),
      checkServerIdentity: () => undefined,
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve();
    });
  });
}

/** What a camera sees: light is where the terminal draws. */
function readQr(lines: readonly string[]): string | undefined {
  const scale = 4;
  const rows = lines.flatMap((line) => [
    [...line].map((cell) => cell === '█' || cell === '▀'),
    [...line].map((cell) => cell === '█' || cell === '▄'),
  ]);
  const width = Math.max(...rows.map((row) => row.length));
  const pixels = new Uint8ClampedArray(width * rows.length * scale * scale * 4).fill(255);
  for (let y = 0; y < rows.length * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const light = rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true;
      pixels.fill(light ? 255 : 0, (y * width * scale + x) * 4, (y * width * scale + x) * 4 + 3);
    }
  }
  return (jsqr as unknown as { default: typeof jsqr.default }).default(pixels, width * scale, rows.length * scale)?.data;
}

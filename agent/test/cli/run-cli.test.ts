import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CpnsError, decodeEnrolment, encodeEnrolment, entityId, serverId, userId } from '@cpns/shared';
import { nobleProvider, Secret } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { cli, enrolled, startCli } from '../support/cli.js';
import { serveControl } from '../support/control.js';
import { scratchDirectory } from '../support/scratch.js';

describe('cpns-agent', () => {
  it('has help that names commands, first steps and exit codes', async () => {
    const { exit, stdout, stderr } = await cli(['--help'], { state: await scratchDirectory() });
    expect(exit).toBe(0);
    expect(stderr).toBe('');
    for (const word of ['enrol', 'run', 'status', 'pair', 'unpair', 'peers', 'consent', 'pn', 'send', 'watch', 'logs', 'doctor', 'reset']) {
      expect(stdout).toMatch(new RegExp(`^  ${word}\\b`, 'm'));
    }
    expect(stdout).toContain('First steps:');
    expect(stdout).toContain('  3  the agent is not running');
  });

  it('shows examples and global options in the help of a command', async () => {
    const { stdout } = await cli(['pair', '--help'], { state: await scratchDirectory() });
    expect(stdout).toContain('$ cpns-agent pair --link');
    expect(stdout).toContain('--json');
  });

  it('says its version', async () => {
    expect((await cli(['--version'], { state: await scratchDirectory() })).stdout).toBe('1.2.3\n');
  });

  it.each([
    { args: ['pare'], says: "cpns-agent: unknown command 'pare' (Did you mean pair?)\n" },
    { args: ['status', '--loud'], says: "cpns-agent: unknown option '--loud'\n" },
    { args: ['unpair'], says: "cpns-agent: missing required argument 'id'\n" },
    { args: ['unpair', 'No!'], says: /^cpns-agent: .*"No!" is not a valid entity id: use 3 to 32 characters.*\n$/ },
    { args: ['pair', '--timeout', '121'], says: /^cpns-agent: .*Use a whole number from 1 to 120\.\n$/ },
    { args: ['pn', 'create', '--with', 'UPPER'], says: /^cpns-agent: .*is not a valid entity id.*\n$/ },
    { args: ['pn', 'create', '--all', '--with', 'laptop'], says: 'cpns-agent: Use either --all or --with, not both.\n' },
    { args: ['pair', 'laptop', '--link'], says: /^cpns-agent: Use either --link.*\n$/ },
    { args: ['logs', '--level', 'loud'], says: /^cpns-agent: .*Allowed choices are debug, info, notice, warn, error\.\n$/ },
  ])('answers wrong usage with one line and exit code 2: $args', async ({ args, says }) => {
    const { exit, stdout, stderr } = await cli(args, { state: await scratchDirectory() });
    expect(exit).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(says);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  it('says that the agent is not running', async () => {
    const { exit, stdout, stderr } = await cli(['status'], { state: await scratchDirectory() });
    expect(exit).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toBe('cpns-agent: The agent is not running; start it with: cpns-agent run\n');
  });

  it('with --json prints the error as the one document', async () => {
    const { exit, stdout, stderr } = await cli(['status', '--json'], { state: await scratchDirectory() });
    expect(exit).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'AgentNotRunning', message: expect.stringContaining('is not running'), exitCode: 3 },
    });
    expect(stderr.split('\n')).toHaveLength(2);
  });

  it('with --json prints wrong usage as the one document too', async () => {
    const { exit, stdout } = await cli(['--json', 'unpair'], { state: await scratchDirectory() });
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'Usage', message: "missing required argument 'id'", exitCode: 2 } });
  });

  it.each([
    { family: 'Auth', exit: 4 },
    { family: 'Transport', exit: 6 },
    { family: 'Timeout', exit: 7 },
    { family: 'Internal', exit: 1 },
  ] as const)('exits with $exit for an error of the family $family', async ({ family, exit }) => {
    const { state } = await serveControl({ status: () => Promise.reject(new CpnsError(family, 'Example', 'One sentence.')) });
    expect(await cli(['status'], { state })).toEqual({ exit, stdout: '', stderr: 'cpns-agent: One sentence.\n' });
  });

  it('shows causes only when asked', async () => {
    const ports = { enrol: () => Promise.reject(new CpnsError('State', 'DiskFull', 'The disk is full.', { cause: new Error('ENOSPC') })) };
    const state = await scratchDirectory();
    expect(await cli(['enrol', 'x'], { state, ports })).toMatchObject({ exit: 5, stderr: 'cpns-agent: The disk is full.\n' });
    const { stderr } = await cli(['--verbose', 'enrol', 'x'], { state, ports });
    expect(stderr).toBe('cpns-agent: DiskFull: The disk is full. (because: Error: ENOSPC)\n');
  });

  it('reads the configuration before it does anything', async () => {
    const state = await scratchDirectory();
    const config = join(state, 'own.yaml');
    await writeFile(config, 'pan: { lan: { port: 70000 } }\n');
    const { exit, stderr } = await cli(['--config', config, 'run'], { state });
    expect(exit).toBe(2);
    expect(stderr).toBe(`cpns-agent: ${config}:1: pan.lan.port is more than 65535.\n`);
  });
});

describe('cpns-agent enrol', () => {
  const taken: string[] = [];
  const ports = {
    enrol: async (_place: unknown, code: string) => {
      taken.push(code);
      return enrolled;
    },
  };

  it('takes the code from standard input and says who the device is now', async () => {
    const { exit, stdout } = await cli(['enrol', '-'], { state: await scratchDirectory(), ports, input: '\n CPNS1-ABCD-canary \n' });
    expect(exit).toBe(0);
    expect(taken.at(-1)).toBe('CPNS1-ABCD-canary');
    expect(stdout).toContain(
      'This device is board-1 of user anna, enrolled with server home.example at 192.0.2.1:8883 (key 0123456789abcdef).',
    );
    expect(stdout).not.toContain('canary');
  });

  it('prints one document with --json', async () => {
    const { stdout } = await cli(['enrol', 'CPNS1-ABCD', '--json'], { state: await scratchDirectory(), ports });
    expect(JSON.parse(stdout)).toEqual(enrolled);
  });

  const subscription = { subscriptionId: 's1', userId: userId('anna'), services: ['pn-gw'], chargeable: false };
  const code = encodeEnrolment(nobleProvider, {
    entityId: entityId('board-1'),
    euKey: new Secret('EUKey', new Uint8Array(32).fill(9)),
    server: '192.0.2.1:8883',
    serverId: serverId('home.example'),
    subscription,
  });
  const decoding = {
    enrol: async (_place: unknown, text: string) => {
      const { entityId: id } = decodeEnrolment(nobleProvider, text);
      return { ...enrolled, id };
    },
  };

  it('takes a real code, however it is grouped', async () => {
    const typed = code.toLowerCase().replace(/(.{4})/g, '$1 ');
    const { exit, stdout } = await cli(['enrol', '-', '--json'], { state: await scratchDirectory(), ports: decoding, input: `${typed}\n` });
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: 'board-1' });
  });

  it.each([
    { what: 'nothing', text: '\n', says: 'This is not an enrolment code: it does not begin with CPNS1-.' },
    { what: 'a typing error', text: code.replace(/.$/, (last) => (last === '0' ? '1' : '0')), says: 'has a typing error or is incomplete' },
    { what: 'half a code', text: code.slice(0, 40), says: 'has a typing error or is incomplete' },
    { what: 'a code of the future', text: code.replace('CPNS1', 'CPNS2'), says: 'is of another version' },
    { what: 'far too much', text: 'x'.repeat(9000), says: 'The input has more than 8192 octets.' },
  ])('refuses $what', async ({ text, says }) => {
    const { exit, stdout, stderr } = await cli(['enrol', '-'], { state: await scratchDirectory(), ports: decoding, input: text });
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr.split('\n')).toHaveLength(2);
  });
});

describe('cpns-agent run', () => {
  it('says when it is ready and ends on Ctrl-C', async () => {
    const ports = {
      run: (
        _place: unknown,
        ready: (agent: { id: typeof enrolled.id; name: string; controlPath: string }) => void,
        signal: AbortSignal,
      ) => {
        ready({ id: enrolled.id, name: 'Board', controlPath: '/x.sock' });
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    const run = startCli(['run', '--json'], { state: await scratchDirectory(), ports });
    await run.output.until('\n');
    expect(JSON.parse(run.output.text)).toEqual({ ready: true, id: 'board-1', name: 'Board', controlPath: '/x.sock' });
    run.interrupt();
    expect(await run.exit).toBe(0);
  });
});

describe('cpns-agent reset', () => {
  const forgotten = { pairings: 1, pns: 2, messages: 0, enrolment: false };

  it('does nothing without a yes', async () => {
    const { exit, stderr } = await cli(['reset'], { state: await scratchDirectory() });
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: 'cpns-agent: Nobody can be asked here; add --yes if you are sure.\n' });
  });

  it('asks a person, for whom no is the default', async () => {
    const { state } = await serveControl({ reset: async () => forgotten });
    const run = startCli(['reset'], { state, interactive: true });
    await run.errors.until('Forget all pairings');
    run.type('\r');
    expect(await run.exit).toBe(4);
    expect(run.output.text).toBe('');
  });

  it('goes through the running agent, or works on the state when there is none', async () => {
    const { state } = await serveControl({ reset: async ({ everything }) => ({ ...forgotten, enrolment: everything }) });
    const running = await cli(['reset', '--everything', '--yes'], { state });
    expect(running).toMatchObject({ exit: 0, stdout: 'Forgotten: 1 pairing, 2 personal networks, 0 messages and the enrolment.\n' });
    const ports = { reset: async () => forgotten };
    const stopped = await cli(['reset', '--yes', '--json'], { state: await scratchDirectory(), ports });
    expect(JSON.parse(stopped.stdout)).toEqual(forgotten);
  });
});

describe('cpns-agent config', () => {
  it('prints a file to begin with', async () => {
    const { stdout } = await cli(['config'], { state: await scratchDirectory() });
    expect(stdout).toContain('\nallowUnprotectedPan: false\n');
  });

  it('checks the file in its usual place', async () => {
    const state = await scratchDirectory();
    const { stdout } = await cli(['config', '--check', '--json'], { state });
    expect(JSON.parse(stdout)).toMatchObject({ consent: 'auto', log: { level: 'info' } });
  });
});

import { writeFile } from 'node:fs/promises';
import { CpnsError, entityId, serverId, userId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { ConsentRequest } from '../../src/control/api/consent.js';
import type { SendParams, WatchEvent } from '../../src/control/api/messages.js';
import type { PnCreated, PnCreateParams } from '../../src/control/api/networks.js';
import type { PeersReport } from '../../src/control/api/peers.js';
import type { StatusReport } from '../../src/control/api/status.js';
import { cli, startCli } from '../support/cli.js';
import { serveControl } from '../support/control.js';
import { board, laptop, network } from '../support/network.js';
import { scratchDirectory } from '../support/scratch.js';

const phone = entityId('phone-1');
const pn = network.pnId;

describe('cpns-agent status', () => {
  const status: StatusReport = {
    id: board,
    name: 'Board\u001b[2J\nin the hall',
    version: '1.2.3',
    uptimeMs: 1000,
    mode: 'PNE',
    gateway: laptop,
    modeReason: 'laptop has the highest score.',
    server: { id: serverId('home.example'), address: '192.0.2.1:8883', uplink: 'unused', probe: { reachable: true, ageMs: 10 } },
    pan: [{ technology: 'lan', state: 'running', addresses: ['192.0.2.7:7400'] }],
    pairingWindow: { closesInMs: 61_000, attemptsLeft: 5 },
    peers: { paired: 1, linked: 1, near: 2 },
    pns: [network],
    consentsWaiting: 1,
    outbox: { messages: 2, bytes: 10 },
    warnings: ['The clock is wrong by a year.'],
  };

  it('shows what matters, and nothing that steers the terminal', async () => {
    const { state } = await serveControl({ status: async () => status });
    expect((await cli(['status'], { state })).stdout).toBe(`Device   board-1 (Board?[2J?in the hall)
Mode     PNE
PN GW    laptop: laptop has the highest score.
Server   home.example at 192.0.2.1:8883, through the PN GW; reachable from here
LAN      running at 192.0.2.7:7400
Devices  1 paired, 1 linked, 2 near
PN       ${pn} Established, PNE, PN GW laptop, 2 members
Waiting  2 messages to be delivered
Pairing  window open, closes in 1:01, 5 attempts left
Consent  1 request for your yes or no: cpns-agent consent list
Warning  The clock is wrong by a year.
`);
  });

  it('is the very report with --json', async () => {
    const { state } = await serveControl({ status: async () => status });
    const { stdout } = await cli(['--json', 'status'], { state });
    expect(JSON.parse(stdout)).toEqual(status);
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });
});

describe('cpns-agent peers', () => {
  const score = (total: number) => ({ eligible: true, missing: [], total, lines: [{ what: 'power', value: 'mains', points: total }] });
  const report: PeersReport = {
    self: { id: board, mode: 'PNE', score: { eligible: false, missing: ['The server cannot be reached.'], total: 0, lines: [] } },
    peers: [
      {
        id: laptop,
        name: 'Big',
        paired: true,
        pairing: false,
        mode: 'PN GW',
        sightings: [{ technology: 'lan', addresses: ['192.0.2.8:1', '[2001:db8::1]:1'] }],
        link: { technology: 'lan', sinceMs: 5 },
        score: score(4000),
      },
      { id: phone, paired: false, pairing: true, mode: 'unassigned', sightings: [] },
    ],
    assignment: { gateway: laptop, reason: 'It alone reaches the server.' },
  };

  it('lists devices, and explains the choice on request', async () => {
    const asked: boolean[] = [];
    const { state } = await serveControl({
      peers: async ({ explain }) => {
        asked.push(explain);
        return report;
      },
    });
    const { stdout } = await cli(['peers', '--explain'], { state });
    expect(asked).toEqual([true]);
    expect(stdout).toBe(`DEVICE        PAIRED       LINK  MODE        SEEN AT
laptop (Big)  yes          lan   PN GW       lan 192.0.2.8:1, lan [2001:db8::1]:1
phone-1       window open  -     unassigned  -

PN GW: laptop. It alone reaches the server.

board-1 (this device): cannot be PN GW
  missing: The server cannot be reached.
  total 0

laptop: can be PN GW
  power  mains  4000
  total 4000
`);
  });

  it('says what to do when there is nobody', async () => {
    const { state } = await serveControl({ peers: async () => ({ ...report, peers: [], assignment: { reason: 'Nobody is paired.' } }) });
    expect((await cli(['peers'], { state })).stdout).toBe(
      'No other device is near or paired. Pair one with: cpns-agent pair\n\nPN GW: none. Nobody is paired.\n',
    );
  });
});

describe('cpns-agent consent', () => {
  const open = { pnId: pn, gateway: laptop, closesInMs: 30_000 };
  const request = (consentId: string): ConsentRequest => ({
    ...open,
    kind: 'invitation',
    consentId,
    initiator: phone,
    question: 'laptop asks, for phone-1, this device into a personal network',
  });
  const confirmation: ConsentRequest = {
    ...open,
    kind: 'confirm',
    consentId: 'x3',
    pne: phone,
    gatewayUser: userId('bob'),
    paired: true,
    question: 'is it yours',
  };

  it('lists requests', async () => {
    const { state } = await serveControl({ listConsents: async () => ({ consents: [request('k7')] }) });
    expect((await cli(['consent', 'list'], { state })).stdout).toBe(
      'REQUEST  LEFT  QUESTION\nk7       0:30  laptop asks, for phone-1, this device into a personal network?\n',
    );
  });

  it('shows PNE Confirm alone as "confirm"', async () => {
    const answered: string[] = [];
    const { state } = await serveControl({
      listConsents: async () => ({ consents: [request('k7'), confirmation] }),
      acceptConsent: async ({ consentId }) => {
        answered.push(consentId);
        return { consentId };
      },
    });
    expect((await cli(['confirm', 'list'], { state })).stdout).toBe('REQUEST  LEFT  QUESTION\nx3       0:30  is it yours?\n');
    expect((await cli(['confirm', 'accept'], { state })).stdout).toBe('Request x3 was accepted.\n');
    expect(answered).toEqual(['x3']);
    expect((await cli(['consent', 'accept'], { state })).stderr).toContain('name one: k7, x3');
  });

  it.each([
    { consents: [], exit: 1, says: 'cpns-agent: No request is open.\n' },
    { consents: ['k7', 'm2'], exit: 2, says: 'cpns-agent: Several requests are open; name one: k7, m2\n' },
  ])('needs no id only when there is exactly one: $consents', async ({ consents, exit, says }) => {
    const { state } = await serveControl({ listConsents: async () => ({ consents: consents.map(request) }) });
    expect(await cli(['consent', 'accept'], { state })).toEqual({ exit, stdout: '', stderr: says });
  });

  it('accepts the only one and refuses a named one', async () => {
    const { state } = await serveControl({
      listConsents: async () => ({ consents: [request('k7')] }),
      acceptConsent: async ({ consentId }) => ({ consentId }),
      refuseConsent: async ({ consentId }) => ({ consentId }),
    });
    expect((await cli(['consent', 'accept'], { state })).stdout).toBe('Request k7 was accepted.\n');
    expect(JSON.parse((await cli(['consent', 'refuse', 'm2', '--json'], { state })).stdout)).toEqual({ consentId: 'm2' });
  });
});

describe('cpns-agent pn', () => {
  const created: PnCreated = {
    pn: network,
    establishMs: 41.6,
    totalMs: 60,
    outcomes: [
      { id: board, joined: true },
      { id: phone, joined: false, reason: 'It did not answer.' },
    ],
  };

  it.each([
    { args: [], params: { setup: '1-1' } },
    { args: ['--all'], params: { setup: 'all' } },
    {
      args: ['--with', 'phone-1', '--with', 'board-1', '--gateway', 'laptop'],
      params: { setup: 'named', pnes: [phone, board], gateway: laptop },
    },
  ])('creates what was asked for: $args', async ({ args, params }) => {
    const asked: PnCreateParams[] = [];
    const { state } = await serveControl({
      createPn: async (given) => {
        asked.push(given);
        return created;
      },
    });
    expect((await cli(['pn', 'create', ...args], { state })).exit).toBe(0);
    expect(asked).toEqual([params]);
  });

  it('shows progress on standard error and the result on standard output', async () => {
    const { state } = await serveControl({
      createPn: async (_params, { emit }) => {
        emit({ type: 'step', step: 1, of: 3, text: 'Asking the PN GW' });
        emit({ type: 'waiting', text: 'phone-1 has to say yes', atMostMs: 60_000 });
        emit({ type: 'member', id: phone, joined: false, reason: 'It did not answer.' });
        return created;
      },
    });
    const { stdout, stderr } = await cli(['pn', 'create', '--all'], { state });
    expect(stderr).toBe('1 of 3: Asking the PN GW\n  phone-1 has to say yes (at most 1:00)\n  phone-1 did not join: It did not answer.\n');
    expect(stdout).toBe(`Personal network ${pn} is established in 42 ms.
  2 members, this device is PNE, inventory version 3, key epoch 1
  laptop   PN GW  Member
  board-1  PNE    Member  up, protected by LocalEUKey, forward secret
  phone-1 is not in it: It did not answer.
`);
    const json = await cli(['pn', 'create', '--all', '--json'], { state });
    expect(JSON.parse(json.stdout)).toEqual(created);
  });

  it('gives up on Ctrl-C, and the agent learns of it', async () => {
    let learned: (reason: unknown) => void = () => {};
    const aborted = new Promise((resolve) => {
      learned = resolve;
    });
    const { state } = await serveControl({
      createPn: (_params, { signal, emit }) => {
        signal.addEventListener('abort', () => learned(signal.reason));
        emit({ type: 'step', step: 1, of: 3, text: 'Asking the PN GW' });
        return new Promise(() => {});
      },
    });
    const run = startCli(['pn', 'create'], { state });
    await run.errors.until('Asking');
    run.interrupt();
    expect(await run.exit).toBe(1);
    expect(await aborted).toMatchObject({ family: 'State' });
  });

  it('leaves, expels and releases, the only network or the named one', async () => {
    const asked: unknown[] = [];
    let answered = true;
    const noted = <Result>(what: string, params: unknown, result: Result): Result => {
      asked.push([what, params]);
      return result;
    };
    const { state } = await serveControl({
      leavePn: async (params) => noted('leave', params, { pnId: pn }),
      releasePn: async (params) => noted('release', params, { pnId: pn }),
      expelPne: async (params) => noted('expel', params, { pnId: pn, pne: params.pne, answered }),
    });
    const says = async (...args: string[]) => (await cli(['pn', ...args], { state })).stdout;
    expect(await says('leave')).toBe(`This device has left personal network ${pn}.\n`);
    expect(await says('release', pn)).toBe(`Personal network ${pn} is released.\n`);
    expect(await says('expel', phone, '--pn', pn)).toBe(`phone-1 is out of personal network ${pn}.\n`);
    answered = false;
    expect(await says('expel', phone)).toContain('The CPNS Server has not answered yet: it is asked until it does.');
    expect(JSON.parse(await says('leave', '--json'))).toEqual({ pnId: pn });
    expect(asked).toEqual([
      ['leave', {}],
      ['release', { pnId: pn }],
      ['expel', { pne: phone, pnId: pn }],
      ['expel', { pne: phone }],
      ['leave', {}],
    ]);
    expect((await cli(['pn', 'expel'], { state })).exit).toBe(2);
    expect((await cli(['pn', 'leave', 'xyz'], { state })).exit).toBe(2);
  });

  it('shows networks, or how to make one', async () => {
    const { state } = await serveControl({ showPns: async ({ pnId: asked }) => ({ pns: asked === undefined ? [] : [network] }) });
    expect((await cli(['pn', 'show'], { state })).stdout).toContain('cpns-agent pn create --all');
    expect((await cli(['pn', 'show', pn], { state })).stdout).toContain(`${pn} Established\n`);
    expect((await cli(['pn', 'show', 'xyz'], { state })).exit).toBe(2);
  });
});

describe('cpns-agent send', () => {
  async function sending(args: readonly string[], input = '') {
    const asked: SendParams[] = [];
    const { state } = await serveControl({
      send: async (params, { emit }) => {
        asked.push(params);
        emit({ type: 'queued', messageId: 'm1' });
        return params.waitMs === undefined ? { messageId: 'm1', state: 'queued' } : { messageId: 'm1', state: 'delivered', afterMs: 12.3 };
      },
    });
    return { ...(await cli(['send', ...args], { state, input })), asked };
  }

  it('sends text and waits for delivery', async () => {
    const { stdout, stderr, asked } = await sending(['server', 'grüezi']);
    expect(asked).toEqual([
      {
        to: { kind: 'server' },
        channel: 'default',
        contentType: 'text/plain',
        payload: Buffer.from('grüezi').toString('base64'),
        waitMs: 10_000,
      },
    ]);
    expect(stderr).toBe('Kept as m1; on its way.\n');
    expect(stdout).toBe('Delivered to server in 12 ms.\n');
  });

  it('sends standard input to a device, without waiting', async () => {
    const args = ['laptop', '-', '--no-wait', '--pn', pn, '--channel', 'temperature', '--type', 'application/json'];
    const { stdout, asked } = await sending(args, '{"c":21}');
    expect(asked).toEqual([
      {
        to: { kind: 'entity', id: laptop },
        pnId: pn,
        channel: 'temperature',
        contentType: 'application/json',
        payload: Buffer.from('{"c":21}').toString('base64'),
      },
    ]);
    expect(stdout).toBe('Message m1 is kept and will be delivered.\n');
  });

  it('refuses more than a message may hold', async () => {
    const { exit, stderr, asked } = await sending(['server', '-'], 'x'.repeat(16_001));
    expect({ exit, stderr, asked }).toEqual({ exit: 2, stderr: 'cpns-agent: The input has more than 16000 octets.\n', asked: [] });
    expect(await sending(['server', 'x'.repeat(16_001)])).toMatchObject({
      exit: 2,
      stderr: 'cpns-agent: payload: must be at most 16000 octets.\n',
    });
  });

  it('refuses an addressee that is none', async () => {
    expect(await sending(['Nobody', 'x'])).toMatchObject({ exit: 2, stderr: expect.stringContaining('"Nobody" is not a valid entity id') });
  });
});

describe('cpns-agent watch and logs', () => {
  const message: WatchEvent = {
    type: 'message',
    messageId: 'm1',
    pnId: pn,
    from: laptop,
    channel: 'default',
    contentType: 'text/plain',
    payload: Buffer.from('hello\u001b[2J').toString('base64'),
    receivedAtWallMs: 0,
  };

  it('shows one line for each thing that happens, until Ctrl-C', async () => {
    const { state } = await serveControl({
      watch: (_params, { emit, signal }) => {
        emit(message);
        emit({ ...message, payload: '/w==', contentType: 'image/png' });
        emit({ type: 'peer-lost', peer: phone, text: 'phone-1 is gone.', atWallMs: 0 });
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    const run = startCli(['watch'], { state });
    await run.output.until('gone');
    run.interrupt();
    expect(await run.exit).toBe(0);
    const lines = run.output.text.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''));
    expect(lines).toEqual([
      'message from laptop on default: hello?[2J',
      'message from laptop on default: 1 octets of image/png',
      'phone-1 is gone.',
      '',
    ]);
  });

  it('is JSON lines with --json', async () => {
    const { state } = await serveControl({ watch: async (_params, { emit }) => emit(message) });
    const { stdout, exit } = await cli(['watch', '--json', '--messages-only'], { state });
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toEqual(message);
  });

  it('fails when the agent ends', async () => {
    const { state, server } = await serveControl({
      watch: (_params, { emit }) => {
        emit(message);
        return new Promise(() => {});
      },
    });
    const run = startCli(['watch'], { state });
    await run.output.until('hello');
    await server.close();
    expect(await run.exit).toBe(3);
  });

  it('shows the log', async () => {
    const { state } = await serveControl({
      logs: async (params, { emit }) => {
        expect(params).toEqual({ follow: false, last: 5, level: 'warn' });
        emit({ wallMs: 0, level: 'warn', component: 'lan', message: 'no multicast', fields: { interface: 'eth0', count: 2 } });
      },
    });
    const { stdout } = await cli(['logs', '--last', '5', '--level', 'warn'], { state });
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d warn {3}lan: no multicast interface=eth0 count=2\n$/);
  });
});

describe('cpns-agent doctor', () => {
  it('asks the running agent, and fails when there is a problem', async () => {
    const report = {
      checks: [
        { name: 'Node.js', outcome: 'ok' as const, says: 'version 20' },
        { name: 'server', outcome: 'problem' as const, says: 'is away', cure: 'switch it on' },
      ],
    };
    const { state } = await serveControl({ doctor: async () => report });
    expect(await cli(['doctor'], { state })).toEqual({
      exit: 1,
      stdout: 'ok       Node.js  version 20\nPROBLEM  server   is away\n         cure: switch it on\n',
      stderr: 'cpns-agent: 1 problem found.\n',
    });
    const { stdout, exit } = await cli(['doctor', '--json'], { state });
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toEqual(report);
  });

  it('checks what it can when no agent runs', async () => {
    const state = await scratchDirectory();
    const ports = { inspect: async () => ({ enrolment: undefined, probe: undefined }) };
    const config = await loopbackOnly(state);
    const { stdout, exit } = await cli(['doctor', '--config', config], { state, ports });
    expect(exit).toBe(1);
    expect(stdout).toMatch(/^warning +agent +is not running/m);
    expect(stdout).toMatch(/^PROBLEM +server +this device is not enrolled/m);
  });

  it('shows why the state cannot be read', async () => {
    const state = await scratchDirectory();
    const ports = { inspect: () => Promise.reject(new CpnsError('State', 'StoreDamaged', 'The state is damaged.')) };
    const { stdout } = await cli(['doctor', '--config', await loopbackOnly(state)], { state, ports });
    expect(stdout).toMatch(/^PROBLEM +state +The state is damaged\.$/m);
  });
});

/** Tests never touch a real network. */
async function loopbackOnly(directory: string): Promise<string> {
  const file = `${directory}/config.yaml`;
  await writeFile(file, 'pan: { lan: { interfaces: [lo] }, ble: { enabled: false } }\n', { mode: 0o600 });
  return file;
}

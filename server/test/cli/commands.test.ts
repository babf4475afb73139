import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CpnsId, entityId, pnId, sgId, userId } from '@cpns/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WatchItem } from '../../src/api/admin-port.js';
import { startAdmin, temporaryDirectory } from '../api/rig.js';
import { cli, ONE_LINE } from './rig.js';

const PN = pnId('00112233445566778899aabbccddeeff');

/** A server with a fake enabler, and `cpns-server` on its state directory. */
async function setUp() {
  const rig = await startAdmin();
  const run = (...args: string[]) => cli(['--state', rig.stateDirectory, ...args]);
  return { ...rig, run };
}

describe('user', () => {
  it('is added, listed and removed', async () => {
    const { run, admin } = await setUp();
    expect((await run('user', 'list')).out).toBe('There are no users. Add one with: cpns-server user add USER\n');
    expect(await run('user', 'add', 'ann')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('User "ann" is added.') });
    await run('user', 'add', 'bob', '--no-gateway', '--service', 'maps', '--service', 'music', '--chargeable');
    expect([...admin.users.values()].map(({ subscription }) => [subscription.services, subscription.chargeable])).toEqual([
      [['pn-gw'], false],
      [['maps', 'music'], true],
    ]);
    expect((await run('user', 'list')).out).toBe(
      [
        'USER  DEVICES  MAY BE PN GW  CHARGEABLE  GUESTS  CHARGE ELSEWHERE  SERVICES',
        'ann   -        yes           no          ask     ask               pn-gw',
        'bob   -        no            yes         ask     ask               maps, music',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await run('user', 'list', '--json')).out).users).toHaveLength(2);
    expect((await run('user', 'remove', 'bob')).out).toBe('User "bob" is removed; 1 user left.\n');
  });

  it('has another subscription when told so', async () => {
    const { run, admin } = await setUp();
    await run('user', 'add', 'ann');
    expect((await run('user', 'set', 'ann', '--no-gateway', '--chargeable', '--add-service', 'maps')).out).toMatch(
      /^ann +- +no +yes .*maps$/m,
    );
    expect(admin.users.get(userId('ann'))?.subscription).toMatchObject({ services: ['maps'], chargeable: true });
    await run('user', 'set', 'ann', '--gateway', '--remove-service', 'maps');
    expect(admin.users.get(userId('ann'))?.subscription).toMatchObject({ services: ['pn-gw'], chargeable: true });
    expect(await run('user', 'set', 'ann')).toMatchObject({ code: 2, out: '', err: expect.stringMatching(ONE_LINE) });
  });

  it('is refused twice, and unknown ones are not removed', async () => {
    const { run } = await setUp();
    await run('user', 'add', 'ann');
    const twice = await run('user', 'add', 'ann');
    expect(twice).toMatchObject({ code: 4, out: '', err: 'cpns-server: There is a user "ann" already.\n' });
    const unknown = await run('--json', 'user', 'remove', 'carl');
    expect(unknown.code).toBe(4);
    expect(JSON.parse(unknown.out)).toEqual({ error: { code: 'UnknownUser', message: 'There is no user "carl".', exitCode: 4 } });
  });
});

describe('policy', () => {
  it('is shown and set', async () => {
    const { run } = await setUp();
    const shown = await run('policy', 'show', 'ann');
    expect(shown.out).toMatch(/^Guests +ask: .*\nCharge elsewhere +ask: .*\nOpen invitations +none\n$/m);
    expect((await run('policy', 'set', 'ann', '--guests', 'invited')).out).toMatch(/^Guests +invited: /m);
    const json = await run('policy', 'set', 'ann', '--charge-elsewhere', 'never', '--json');
    expect(JSON.parse(json.out)).toEqual({ userId: 'ann', guests: 'invited', chargeElsewhere: 'never', invitations: [] });
    expect(await run('policy', 'set', 'ann')).toMatchObject({ code: 2, err: expect.stringMatching(ONE_LINE) });
    expect(await run('policy', 'set', 'ann', '--guests', 'some')).toMatchObject({ code: 2, err: expect.stringMatching(ONE_LINE) });
  });

  it('opens and withdraws invitations', async () => {
    const { run } = await setUp();
    const allowed = await run('policy', 'allow', 'ann', '--device', 'bobs-phone', '--for', '12h', '--json');
    const [invitation] = JSON.parse(allowed.out).invitations;
    expect(invitation.device).toBe('bobs-phone');
    expect(Math.abs(Date.parse(invitation.until) - Date.now() - 12 * 3_600_000)).toBeLessThan(600_000);
    const both = await run('policy', 'allow', 'ann', '--user', 'carol', '--pn', PN, '--until', '2099-01-01');
    expect(both.out).toMatch(/^OPEN INVITATION FOR +INTO +UNTIL$/m);
    expect(both.out).toMatch(new RegExp(`^every device of carol +${PN} +2099-01-01T00:00:00.000Z$`, 'm'));
    expect((await run('policy', 'forbid', 'ann', '--device', 'bobs-phone')).out).not.toContain('bobs-phone');
    expect(await run('policy', 'forbid', 'ann', '--user', 'carol')).toMatchObject({ code: 4, err: expect.stringMatching(ONE_LINE) });
    expect((await run('policy', 'forbid', 'ann', '--user', 'carol', '--pn', PN)).out).toMatch(/^Open invitations +none$/m);
    for (const wrong of [
      [],
      ['--device', 'bobs-phone', '--user', 'bob'],
      ['--user', 'bob', '--for', 'ever'],
      ['--user', 'bob', '--for', '1h', '--until', '2099-01-01'],
    ])
      expect(await run('policy', 'allow', 'ann', ...wrong)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(ONE_LINE) });
  });
});

describe('charging', () => {
  const event = (id: number, at: string) => ({
    id,
    at,
    pne: entityId('phone-1'),
    userId: userId('bob'),
    subscriptionId: 'bob/1',
    pnId: PN,
    gateway: entityId('den'),
    gatewayUser: userId('ann'),
    service: 'pn',
    result: 'Success',
  });
  const events = [event(1, '2026-01-01T00:00:00.000Z'), event(2, '2026-02-01T00:00:00.000Z'), event(3, '2026-02-02T00:00:00.000Z')];

  it('is exported as JSON lines, page by page, from a time on', async () => {
    const { run, admin } = await setUp();
    admin.charges = events;
    const lines = async (...args: string[]) =>
      (await run('charging', 'export', ...args)).out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    expect(await lines()).toEqual(events);
    expect(await lines('--since', '2026-02-01', '--json')).toEqual(events.slice(1));
    expect(await run('charging', 'export', '--since', 'soon')).toMatchObject({ code: 2, err: expect.stringContaining('2026-01-31') });
  });

  it('is written to a private file', async () => {
    const { run, admin } = await setUp();
    admin.charges = events;
    const file = join(await temporaryDirectory(), 'events.jsonl');
    expect((await run('charging', 'export', '--out', file)).out).toBe(`3 charging events are in ${file}.\n`);
    expect(
      (await readFile(file, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

describe('device', () => {
  it('is added with its code as text and as QR code', async () => {
    const { run } = await setUp();
    await run('user', 'add', 'ann');
    const { code, out } = await run('device', 'add', 'phone-1', '--user', 'ann');
    expect(code).toBe(0);
    expect(out).toContain('\nCPNS1-CODE0FPHONE-1\n');
    expect(out).toMatch(/[█▀▄]{10}/);
    expect(out).toContain('not shown again');
    const plain = await run('device', 'add', 'phone-2', '--user', 'ann', '--no-qr');
    expect(plain.out).not.toMatch(/[█▀▄]/);
    const json = await run('device', 'add', 'phone-3', '--user', 'ann', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ entityId: 'phone-3', code: 'CPNS1-CODE0FPHONE-3', serverId: 'cpns-home' });
  });

  it('has its code written to a file that only the owner can read, and nowhere else', async () => {
    const { run } = await setUp();
    await run('user', 'add', 'ann');
    const file = join(await temporaryDirectory(), 'phone.code');
    for (const flags of [[], ['--json']]) {
      await rm(file, { force: true });
      const name = `phone-${flags.length + 1}`;
      const { code, out, err } = await run('device', 'add', name, '--user', 'ann', '--out', file, ...flags);
      expect(code).toBe(0);
      expect(out + err).not.toContain('CPNS1-');
      expect(out).toContain(file);
      expect(await readFile(file, 'utf8')).toBe(`CPNS1-CODE0F${name.toUpperCase()}\n`);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
  });

  it('is given to another user', async () => {
    const { run } = await setUp();
    await run('user', 'add', 'ann');
    await run('device', 'add', 'phone-1', '--user', 'ann');
    expect((await run('device', 'move', 'phone-1', '--user', 'bob')).out).toBe('Device "phone-1" belongs to "bob" now.\n');
    expect(JSON.parse((await run('device', 'show', 'phone-1', '--json')).out).userId).toBe('bob');
    expect(await run('device', 'move', 'phone-1')).toMatchObject({ code: 2, err: expect.stringMatching(ONE_LINE) });
  });

  it('is listed, shown and revoked', async () => {
    const { run } = await setUp();
    expect((await run('device', 'list')).out).toContain('There are no devices.');
    await run('user', 'add', 'ann');
    await run('device', 'add', 'phone-1', '--user', 'ann');
    expect((await run('device', 'list', '--user', 'ann')).out).toMatch(/^DEVICE +USER .*\nphone-1 +ann +enrolled +no +- +0 +-\n$/);
    const shown = await run('device', 'show', 'phone-1');
    expect(shown.out).toMatch(/EUKey +kid 0011223344556677\n/);
    expect((await run('device', 'revoke', 'phone-1')).out).toBe('Device "phone-1" is revoked.\n');
    expect(JSON.parse((await run('device', 'show', 'phone-1', '--json')).out).state).toBe('revoked');
    expect(await run('device', 'show', 'phone-9')).toMatchObject({ code: 4, err: 'cpns-server: There is no device "phone-9".\n' });
  });
});

describe('gateways and pn', () => {
  it('are listed and shown', async () => {
    const { run, admin } = await setUp();
    expect((await run('gateways', 'list')).out).toBe('No device has been PN GW yet.\n');
    expect((await run('pn', 'list')).out).toContain('There are no personal networks.');
    const at = '2026-01-02T03:04:05.000Z';
    const phone = entityId('phone-1');
    const member = {
      entityId: phone,
      cpnsId: 'cpns-0011223344556677' as CpnsId,
      userId: userId('ann'),
      state: 'Member',
      authenticatedAt: at,
    };
    const versions = { inventoryVersion: 3, keyEpoch: 1 };
    admin.pns = [
      { pnId: PN, gateway: entityId('board-2'), initiator: phone, createdAt: at, state: 'Established', ...versions, members: [member] },
    ];
    expect((await run('gateways', 'list')).out).toMatch(/^PN GW .*\nboard-2 +ann +yes +- +0011/);
    expect((await run('gateways')).out).toContain('board-2');
    expect((await run('pn', 'list')).out).toMatch(new RegExp(`^PN .*\n${PN} +Established +board-2 +1 +3\n$`));
    const shown = (await run('pn', 'show', PN)).out;
    expect(shown).toContain(
      `PN         ${PN}\nState      Established\nPN GW      board-2\nMade by    phone-1, ${at}\nInventory  version 3\n`,
    );
    expect(shown).toMatch(/\n\nMEMBER .*\nphone-1 +ann +Member +cpns-0011223344556677 +2026-01-02T03:04:05.000Z\n$/);
    expect((await run('pn', 'show', 'f'.repeat(32))).code).toBe(4);
    expect((await run('pn', 'remove', 'f'.repeat(32))).code).toBe(4);
    expect((await run('pn', 'remove', PN)).out).toBe(`Personal network ${PN} is removed.\n`);
    expect(admin.pns).toEqual([]);
  });
});

describe('group', () => {
  it('lists, shows and removes service groups', async () => {
    const { run, admin } = await setUp();
    expect((await run('group', 'list')).out).toContain('There are no service groups.');
    const at = '2026-01-02T03:04:05.000Z';
    const [board, phone, ann] = [entityId('board-2'), entityId('phone-1'), userId('ann')];
    const members = [
      { entityId: phone, userId: ann, pnId: PN, gateway: board, since: at },
      { entityId: board, userId: ann, gateway: board, since: at },
    ];
    const group = {
      sgId: sgId(PN),
      name: 'family',
      owner: phone,
      open: true,
      state: 'Active',
      epoch: 4,
      keyedAt: at,
      createdAt: at,
      kept: { messages: 2, members: 1 },
      objects: [
        { id: 'a'.repeat(64), name: 'song', type: 'audio/ogg', holder: phone, members: [board], until: at },
        { id: 'b'.repeat(64), name: 'menu', type: 'text/plain', holder: board },
      ],
    } as const;
    admin.groups = [{ ...group, members }];
    expect((await run('group', 'list')).out).toMatch(new RegExp(`^GROUP .*\n${PN} +family +Active +phone-1 +2 +2 +4\n$`));
    const shown = (await run('group', 'show', PN)).out;
    expect(shown).toContain(`Owner      phone-1\nFound by   everybody\nGroup Key  epoch 4, made ${at}\n`);
    expect(shown).toContain('\nKept       2 messages for 1 member that were away\n');
    expect(shown).toMatch(new RegExp(`\nphone-1 +ann +board-2 +${PN} +${at}\nboard-2 +ann +board-2 +- +${at}\n`));
    expect(shown).toMatch(new RegExp(`\nsong +audio/ogg +phone-1 +board-2 +${at}\nmenu +text/plain +board-2 +all members +withdrawn\n$`));
    const { owner: _, ...ownerless } = group;
    admin.groups = [{ ...ownerless, members, kept: { messages: 0, members: 0 } }];
    const bare = (await run('group', 'show', PN)).out;
    expect(bare).toContain('nobody: a new one is looked for');
    expect(bare).toContain('Kept       no messages: every member has all of them');
    expect((await run('group', 'show', 'f'.repeat(32))).code).toBe(4);
    expect((await run('group', 'remove', 'x')).code).toBe(2);
    expect((await run('group', 'remove', PN)).out).toBe(`Service group ${PN} is removed.\n`);
    expect(admin.groups).toEqual([]);
  });
});

describe('send', () => {
  it('delivers text, a file, or standard input', async () => {
    const { run, admin, stateDirectory } = await setUp();
    await run('user', 'add', 'ann');
    await run('device', 'add', 'phone-1', '--user', 'ann');
    expect(await run('send', 'phone-1', 'hällo', '--channel', 'chat')).toMatchObject({ code: 0, out: 'Delivered to "phone-1".\n' });
    const file = join(stateDirectory, 'photo');
    await writeFile(file, Buffer.from([0, 255]));
    admin.sendResult = { messageId: 'aa', state: 'queued' };
    expect((await run('send', 'phone-1', '--file', file, '--type', 'image/jpeg', '--wait', '0')).out).toMatch(/^Queued: /);
    const piped = await cli(['--state', stateDirectory, '--json', 'send', 'phone-1', '--file', '-'], { input: 'from a pipe' });
    expect(JSON.parse(piped.out)).toEqual({ messageId: 'aa', state: 'queued' });
    expect(
      admin.sent.map(({ data, waitMs }) => [data.channel, data.contentType, Buffer.from(data.payload).toString('latin1'), waitMs]),
    ).toEqual([
      ['chat', 'text/plain', Buffer.from('hällo').toString('latin1'), 10_000],
      ['default', 'image/jpeg', '\0\u00ff', 0],
      ['default', 'application/octet-stream', 'from a pipe', 10_000],
    ]);
  });

  it('says what is wrong with what is to be sent', async () => {
    const { run, stateDirectory } = await setUp();
    for (const [args, sentence] of [
      [['phone-1'], /either the text, or --file/],
      [['phone-1', 'x', '--file', 'y'], /either the text, or --file/],
      [['phone-1', '--file', '/nonexistent'], /cannot be read/],
      [['phone-1', 'x'.repeat(16_001)], /at most 16000 octets/],
      [['phone-1', 'x', '--channel', 'a/b'], /Use 1 to 32 characters/],
      [['phone-1', 'x', '--wait', '61'], /from 0 to 60/],
      [['PHONE', 'x'], /not a valid entity id/],
      [['phone-1', 'x', '--type', 'nonsense'], /not a content type/],
    ] as const) {
      const { code, out, err } = await run('send', ...args);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toMatch(ONE_LINE);
      expect(err).toMatch(sentence);
    }
    const endless = await cli(['--state', stateDirectory, 'send', 'phone-1', '--file', '/dev/zero']);
    expect(endless).toMatchObject({ code: 2, err: expect.stringContaining('at most 16000 octets') });
  });
});

describe('watch', () => {
  const at = '2026-01-01T12:00:00.000Z';
  const event: WatchItem = {
    kind: 'event',
    at,
    event: 'device-connected',
    text: 'phone-1 is \u001b[31mhere.',
    entityId: entityId('phone-1'),
  };
  const data: WatchItem = {
    kind: 'data',
    at,
    messageId: 'aa',
    from: entityId('phone-1'),
    to: 'server',
    channel: 'chat',
    contentType: 'text/plain',
    payload: Buffer.from('hello\nworld').toString('base64'),
  };

  it('prints line by line, harmlessly, and ends after --count', async () => {
    const { run, admin } = await setUp();
    const watching = run('watch', '--count', '3');
    await admin.untilWatchers(1);
    for (const item of [event, data, { ...data, contentType: 'image/png' } as const]) admin.emit(item);
    const { code, out, err } = await watching;
    expect(code).toBe(0);
    expect(err).toBe('Watching; end with Ctrl-C.\n');
    expect(out.replace(/\d\d:\d\d:\d\d/g, 'TIME')).toBe(
      [
        'TIME phone-1 is ?[31mhere.',
        'TIME phone-1 to server [chat] text/plain: hello?world',
        'TIME phone-1 to server [chat] image/png: (11 octets)',
        '',
      ].join('\n'),
    );
    await admin.untilWatchers(0);
  });

  it('hands its filter on, and ends with Ctrl-C without complaint', async () => {
    const { admin, stateDirectory } = await setUp();
    const stop = new AbortController();
    const watching = cli(
      ['--state', stateDirectory, 'watch', '--device', 'phone-1', '--channel', 'chat', '--only', 'data', '--past', '5', '--json'],
      {
        signal: stop.signal,
        onOutput: () => stop.abort(),
      },
    );
    await admin.untilWatchers(1);
    expect([...admin.watchers.values()]).toEqual([{ entityId: 'phone-1', channel: 'chat', kinds: ['data'], past: 5 }]);
    admin.emit(data);
    const { code, out } = await watching;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(data);
  });

  it('says so when the server stops', async () => {
    const { run, admin, server } = await setUp();
    const watching = run('watch');
    await admin.untilWatchers(1);
    await server.stop();
    expect((await watching).code).toBe(3);
  });
});

describe('without a server', () => {
  it('commands say how to start one', async () => {
    const { run, server, stateDirectory } = await setUp();
    await server.stop();
    for (const args of [['user', 'list'], ['device', 'show', 'phone-1'], ['watch']]) {
      const { code, out, err } = await run(...args);
      expect({ code, out }).toEqual({ code: 3, out: '' });
      expect(err).toMatch(ONE_LINE);
      expect(err).toContain(`No server runs on ${stateDirectory}: start it with "cpns-server run"`);
    }
    // The word that a killed server left behind.
    await writeFile(join(stateDirectory, 'admin.address'), 'http://127.0.0.1:1\n', { mode: 0o600 });
    expect((await run('user', 'list')).code).toBe(3);
  });

  it('commands say how to make one', async () => {
    const state = await temporaryDirectory();
    expect(await cli(['--state', state, 'user', 'list'])).toMatchObject({ code: 5, err: expect.stringContaining('cpns-server init') });
  });

  it('commands refuse a token that others can read', async () => {
    const { run, stateDirectory } = await setUp();
    const token = await readFile(join(stateDirectory, 'admin.token'));
    await rm(join(stateDirectory, 'admin.token'));
    await writeFile(join(stateDirectory, 'admin.token'), token, { mode: 0o644 });
    const { code, err } = await run('user', 'list');
    expect(code).toBe(5);
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain('chmod 600');
  });

  it('commands notice a server of another state directory', async () => {
    const { run, stateDirectory } = await setUp();
    await writeFile(join(stateDirectory, 'admin.token'), `${'x'.repeat(43)}\n`, { mode: 0o600 });
    const { code, err } = await run('user', 'list');
    expect(code).toBe(3);
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain(`is not the server of ${stateDirectory}`);
  });

  it.each([
    ['who knows no answer', 'nothing', 'is no CPNS server'],
    ['who answers anything', '{"proof":"00"}', 'is not the server of'],
    ['who answers with a list', '[]', 'is not the server of'],
  ])('commands do not show their token to one %s', async (_who, body, sentence) => {
    const { run, server, stateDirectory } = await setUp();
    await server.stop();
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(body);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await writeFile(join(stateDirectory, 'admin.address'), `http://127.0.0.1:${port}\n`, { mode: 0o600 });
    const { code, err } = await run('user', 'list');
    expect(code).toBe(3);
    expect(err).toContain(sentence);
    expect(seen).toEqual([undefined]);
  });
});

describe('the command line', () => {
  it('helps, with examples and exit codes', async () => {
    const { code, out } = await cli(['--help']);
    expect(code).toBe(0);
    for (const command of ['init', 'run', 'user', 'device', 'gateways', 'pn', 'group', 'watch', 'send', 'config'])
      expect(out).toContain(`\n  ${command} `);
    expect(out).toContain('Exit codes:\n  0  ok\n  1  failed\n');
    for (const args of [
      ['init'],
      ['run'],
      ['user', 'add'],
      ['user', 'list'],
      ['user', 'remove'],
      ['device', 'add'],
      ['device', 'list'],
      ['device', 'show'],
      ['device', 'revoke'],
      ['gateways', 'list'],
      ['pn', 'list'],
      ['pn', 'show'],
      ['group', 'show'],
      ['watch'],
      ['send'],
      ['config'],
    ]) {
      const help = await cli([...args, '--help']);
      expect(help.code).toBe(0);
      expect(help.out).toContain('Examples:\n  $ cpns-server ');
      expect(help.out).toContain('--json');
    }
    expect((await cli(['--version'])).out).toBe('0.0.0-test\n');
  });

  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['user', 'ad', 'ann'], /unknown command 'ad'.*Did you mean add/],
    [['user', 'add'], /missing required argument 'user'/],
    [['user', 'add', 'Ann'], /not a valid user id/],
    [['device', 'add', 'phone-1'], /required option '--user <user>' not specified/],
    [['device', 'add', '0123456789abcdef', '--user', 'ann'], /not a valid entity id/],
    [['pn', 'show', 'xyz'], /not a valid PN ID/],
    [['run', '--log-level', 'loud'], /Allowed choices are debug/],
    [['init', '--port', '65536'], /from 0 to 65535/],
    [['init', '--address', 'nowhere'], /Use HOST:PORT/],
    [['init', '--id', 'My Server'], /not a valid server id/],
    [['--frob', 'run'], /unknown option '--frob'/],
  ] as [string[], RegExp][])('%j says in one line what is wrong', async (args, sentence) => {
    const { code, out, err } = await cli(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(ONE_LINE);
    expect(err).toMatch(sentence);
  });

  it('prints all settings and checks a file', async () => {
    const { out } = await cli(['config']);
    expect(out).toContain('uplink:\n');
    const state = await temporaryDirectory();
    const file = join(state, 'mine.yaml');
    await writeFile(file, out);
    expect(await cli(['--config', file, '--state', state, 'config', '--check'])).toMatchObject({ code: 0 });
    await writeFile(file, 'uplink:\n  prot: 1\n');
    const wrong = await cli(['--config', file, '--state', state, 'config', '--check']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(ONE_LINE);
    expect(wrong.err).toContain(`${file}:2: uplink.prot is not a setting; here there are: host, port,`);
  });
});

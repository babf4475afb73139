import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { entityId, sgId } from '@cpns/shared';
import { describe, expect, it, vi } from 'vitest';
import type { AgentControl } from '../../src/control/agent-control.js';
import type { FoundGroup, GroupReport } from '../../src/control/api/groups.js';
import type { MessageEvent, SendParams } from '../../src/control/api/messages.js';
import { cli } from '../support/cli.js';
import { serveControl } from '../support/control.js';
import { scratchDirectory } from '../support/scratch.js';

const [phone, board, laptop] = [entityId('phone'), entityId('board-1'), entityId('laptop')];
const id = sgId('0123456789abcdef0123456789abcdef');
const other = sgId('00000000000000000000000000000001');

const kitchen: GroupReport = {
  sgId: id,
  name: 'kitchen',
  owner: phone,
  open: true,
  members: [board, phone],
  memberCount: 3,
  isMember: true,
  epoch: 4,
  keys: 'current',
  maySend: true,
};
const shown = `kitchen ${id}
  3 members, owned by phone, open, Group Key of epoch 4
  board-1
  phone (owner)
  and 1 more
`;

/** An agent in those groups. */
function agentIn(groups: readonly GroupReport[], more: Partial<AgentControl> = {}) {
  return serveControl({
    showGroups: async ({ group }) => ({ groups: groups.filter((each) => group === undefined || each.sgId === group) }),
    ...more,
  });
}

describe('cpns-agent group show and list', () => {
  it('show members, owner and keys of own groups', async () => {
    const { state } = await agentIn([kitchen]);
    expect((await cli(['group', 'show', 'kitchen'], { state })).stdout).toBe(shown);
    expect(JSON.parse((await cli(['group', 'show', '--json'], { state })).stdout)).toEqual({ groups: [kitchen] });
  });

  it('say what is amiss with a group', async () => {
    const behind: GroupReport = { ...kitchen, keys: 'behind', maySend: false, why: 'The server is away.' };
    const { owner, ...orphan } = { ...kitchen, epoch: 0, open: false, members: [], name: '' };
    const { state } = await agentIn([behind, { ...orphan, sgId: other }]);
    const { stdout } = await cli(['group', 'show'], { state });
    expect(stdout).toContain('Group Key of epoch 4, a newer one is under way');
    expect(stdout).toContain('  This device may not send to it now: The server is away.');
    expect(stdout).toContain(`(name not known yet) ${other}\n  3 members, an owner is looked for, no Group Key yet\n`);
  });

  it('say how to make the first one', async () => {
    const { state } = await agentIn([], { listGroups: async () => ({ groups: [] }) });
    for (const verb of ['show', 'list'])
      expect((await cli(['group', verb], { state })).stdout).toContain('Make one with: cpns-agent group create <name> --with <device>');
    expect((await cli(['group', 'list', '--all'], { state })).stdout).toContain('knows no such service group');
    expect((await cli(['group', 'list', '--keyword', 'x'], { state })).stdout).toContain('in no such service group');
  });

  it('list what can be joined, and how', async () => {
    const found: FoundGroup = { sgId: other, name: 'garden', open: true, members: [], memberCount: 7, isMember: false };
    const listGroups = vi.fn(async () => ({ groups: [kitchen, found] }));
    const { state } = await serveControl({ listGroups });
    const { stdout } = await cli(['group', 'list', '--all', '--keyword', 'n'], { state });
    expect(listGroups).toHaveBeenCalledWith({ all: true, keyword: 'n' }, expect.anything());
    expect(stdout).toContain(`${id}  kitchen  phone  3        0       this device is in it\n`);
    expect(stdout).toContain(`${other}  garden   -      7        -       cpns-agent group join ${other}\n`);
  });
});

describe('cpns-agent group fetch', () => {
  const content = { id: '5e'.repeat(32), name: 'menu.txt', type: 'text/plain', size: 4, chargeable: false };

  it('puts a shared object into a file', async () => {
    const fetchObject: AgentControl['fetchObject'] = vi.fn(async (_params, { emit }) => {
      emit({ type: 'begins', content, parts: 1 });
      emit({ type: 'part', part: 0, payload: Buffer.from('soup').toString('base64') });
      return { sgId: id, from: board, content, afterMs: 12 };
    });
    const { state } = await agentIn([kitchen], { fetchObject });
    const out = join(await scratchDirectory(), 'here.txt');
    const { exit, stdout, stderr } = await cli(['group', 'fetch', 'menu.txt', '--group', 'kitchen', '--out', out], { state });
    expect([exit, stdout]).toEqual([0, `menu.txt of board-1 is in ${out}: 4 octets in 12 ms.\n`]);
    expect(stderr).toContain('Fetching menu.txt (text/plain, 4 octets) from service group kitchen.\n');
    expect(await readFile(out, 'utf8')).toBe('soup');
    expect(fetchObject).toHaveBeenCalledWith({ object: 'menu.txt', group: id }, expect.anything());
  });

  it('shows what there is, for whom, and how long', async () => {
    const { id: object, name, type } = content;
    const shared = { id: object, name, type, holder: board };
    const objects = [shared, { ...shared, name: 'letter', members: [phone], until: '2026-01-31T12:00:00.000Z' }];
    const { state } = await agentIn([{ ...kitchen, objects }]);
    expect((await cli(['group', 'show'], { state })).stdout).toBe(
      [
        `${shown}  SHARED    TYPE        BY       FOR          UNTIL`,
        '  menu.txt  text/plain  board-1  all members  withdrawn',
        '  letter    text/plain  board-1  phone        2026-01-31T12:00:00.000Z\n',
      ].join('\n'),
    );
  });

  it('shows the ids of objects that have one name', async () => {
    const shared = { id: 'a'.repeat(64), name: 'menu.txt', type: 'text/plain', holder: board };
    const { state } = await agentIn([{ ...kitchen, objects: [shared, { ...shared, id: 'b'.repeat(64) }] }]);
    const { stdout } = await cli(['group', 'show'], { state });
    expect(stdout).toMatch(/UNTIL +ID\n.* withdrawn +a{64}\n.* withdrawn +b{64}\n$/);
  });
});

describe('cpns-agent group share and unshare', () => {
  const object = { id: '5e'.repeat(32), name: 'menu.txt', type: 'text/plain', holder: phone };

  it('say for whom and until when', async () => {
    const until = '2026-01-31T12:00:00.000Z';
    const shareObject: AgentControl['shareObject'] = vi.fn(async ({ members }) => ({
      group: kitchen,
      object: members === undefined ? object : { ...object, members, until },
    }));
    const { state } = await agentIn([kitchen], { shareObject });
    const args = ['group', 'share', 'menu.txt', '--group', 'kitchen'];
    expect((await cli(args, { state })).stdout).toBe('menu.txt is shared in kitchen: for all members, until it is withdrawn.\n');
    const bounded = await cli([...args, '--for', 'board-1', '--until', '2026-01-31T12:00:00Z'], { state });
    expect(bounded.stdout).toBe(`menu.txt is shared in kitchen: for board-1, until ${until}.\n`);
    const params = { group: id, content: 'menu.txt', members: [board], untilMs: Date.parse(until) };
    expect(shareObject).toHaveBeenLastCalledWith(params, expect.anything());
    expect((await cli([...args, '--for', 'NOBODY'], { state })).exit).toBe(2);
  });

  it('withdraw, also what another member shares', async () => {
    const unshareObject: AgentControl['unshareObject'] = vi.fn(async ({ from = phone }) => ({
      group: kitchen,
      object: { ...object, holder: from },
    }));
    const { state } = await agentIn([kitchen], { unshareObject });
    expect((await cli(['group', 'unshare', 'menu.txt'], { state })).stdout).toBe('menu.txt of phone is not shared in kitchen any more.\n');
    const foreign = await cli(['group', 'unshare', 'menu.txt', '--from', 'board-1', '--group', id], { state });
    expect(foreign.stdout).toBe('menu.txt of board-1 is not shared in kitchen any more.\n');
    expect(unshareObject).toHaveBeenLastCalledWith({ object: 'menu.txt', from: board, group: id }, expect.anything());
  });
});

describe('cpns-agent group create, invite and join', () => {
  it('share contents of this device', async () => {
    const createGroup: AgentControl['createGroup'] = vi.fn(async () => ({ group: kitchen, outcomes: [] }));
    const { state } = await serveControl({ createGroup });
    const bounds = ['--for', 'board-1', '--until', '2026-01-31T12:00:00Z'];
    expect((await cli(['group', 'create', 'kitchen', '--object', 'menu', '--object', 'song', ...bounds], { state })).exit).toBe(0);
    const each = { members: [board], untilMs: Date.UTC(2026, 0, 31, 12) };
    const objects = [
      { content: 'menu', ...each },
      { content: 'song', ...each },
    ];
    expect(createGroup).toHaveBeenCalledWith({ name: 'kitchen', members: [], open: false, objects }, expect.anything());
    const nothing = await cli(['group', 'create', 'kitchen', ...bounds], { state });
    expect([nothing.exit, nothing.stderr]).toEqual([2, expect.stringContaining('name it with --object')]);
    const wrong = await cli(['group', 'create', 'kitchen', '--object', 'menu', '--until', 'soon'], { state });
    expect([wrong.exit, wrong.stderr]).toEqual([2, expect.stringContaining('Use a time such as')]);
  });

  it('tell who may have to be asked, and who is not in it', async () => {
    const outcomes = [
      { id: board, joined: true },
      { id: laptop, joined: false, reason: 'no.' },
    ];
    const createGroup: AgentControl['createGroup'] = vi.fn(async (_params, { emit }) => {
      emit({ type: 'waiting', text: 'People may have to say yes', atMostMs: 60_000 });
      return { group: kitchen, outcomes };
    });
    const { state } = await serveControl({ createGroup });
    const { stdout, stderr } = await cli(['group', 'create', 'kitchen', '--with', 'board-1', '--with', 'laptop', '--open'], { state });
    expect(createGroup).toHaveBeenCalledWith({ name: 'kitchen', members: [board, laptop], open: true }, expect.anything());
    expect(stderr).toContain('People may have to say yes');
    expect(stdout).toBe(`Service group kitchen is made.\n${shown}  laptop is not in it: no.\n`);
  });

  it('name the group by its name, its id, or not at all', async () => {
    const inviteIntoGroup: AgentControl['inviteIntoGroup'] = vi.fn(async () => ({ group: kitchen, outcomes: [] }));
    const { state } = await agentIn([kitchen], { inviteIntoGroup });
    for (const [args, group] of [
      [['--group', 'kitchen'], id],
      [['--group', other], other],
      [[], undefined],
    ] as const) {
      expect((await cli(['group', 'invite', 'board-1', 'laptop', ...args], { state })).exit).toBe(0);
      const named = group === undefined ? {} : { group };
      expect(inviteIntoGroup).toHaveBeenLastCalledWith({ ...named, members: [board, laptop] }, expect.anything());
    }
  });

  it('join by the SG ID alone', async () => {
    const joinGroup: AgentControl['joinGroup'] = vi.fn(async () => ({ group: kitchen }));
    const { state } = await serveControl({ joinGroup });
    expect((await cli(['group', 'join', id], { state })).stdout).toBe(`This device is in the service group.\n${shown}`);
    const wrong = await cli(['group', 'join', 'kitchen'], { state });
    expect(wrong.exit).toBe(2);
    expect(wrong.stderr).toContain('32 lower-case hex digits');
  });
});

describe('a name', () => {
  it('that no group has, or several have, is refused', async () => {
    const { state } = await agentIn([kitchen, { ...kitchen, sgId: other }]);
    const several = await cli(['group', 'leave', 'kitchen'], { state });
    expect(several.stderr).toContain('Several service groups are called "kitchen"');
    const none = await cli(['group', 'leave', 'garden'], { state });
    expect(none.stderr).toContain('This device is in no service group "garden"');
    expect([several.exit, none.exit]).toEqual([1, 1]);
  });

  it('is none where it is an SG ID: whoever calls a group by the SG ID of another does not get what is meant for that', async () => {
    const leaveGroup: AgentControl['leaveGroup'] = vi.fn(async () => ({ sgId: id }));
    const { state } = await agentIn([kitchen, { ...kitchen, sgId: other, name: id }], { leaveGroup });
    expect((await cli(['group', 'leave', id], { state })).exit).toBe(0);
    expect(leaveGroup).toHaveBeenCalledWith({ group: id });
  });

  it('can be read, and is no SG ID', async () => {
    const { state } = await agentIn([]);
    const refused = async (name: string) => (await cli(['group', 'create', name], { state })).stderr;
    expect(await refused(' ')).toContain('name: must not be blank');
    expect(await refused(id)).toContain('name: must not look like an SG ID');
  });

  it('of another device cannot steer the terminal', async () => {
    const name = 'kit\u001b[2Jchen\u009b31m\u202e';
    const { state } = await agentIn([{ ...kitchen, name }]);
    expect((await cli(['group', 'show'], { state })).stdout).toContain('kit?[2Jchen?31m?');
    const { stdout } = await cli(['group', 'show', '--json'], { state });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.parse(stdout).groups[0].name).toBe(name);
  });
});

describe('ways out of a group, and another owner', () => {
  it.each([
    [['leave', 'kitchen'], 'This device has left service group kitchen.'],
    [['release'], `Service group ${id} is released.`],
    [['expel', 'board-1', 'laptop', '--group', 'kitchen'], 'Out of service group kitchen: board-1.\n  laptop was not in it.'],
    [['owner', 'board-1'], `board-1 owns the service group now.\n${shown.trimEnd()}`],
  ])('%j', async (args, text) => {
    const { state } = await agentIn([kitchen], {
      leaveGroup: async () => ({ sgId: id }),
      releaseGroup: async () => ({ sgId: id }),
      expelFromGroup: async () => ({ sgId: id, members: [board] }),
      handOverGroup: async () => ({ group: kitchen }),
    });
    expect((await cli(['group', ...args], { state })).stdout).toBe(`${text}\n`);
  });
});

describe('messages of groups', () => {
  it('are sent to the group that is named', async () => {
    const sent: SendParams[] = [];
    const send: AgentControl['send'] = async (params, { emit }) => {
      sent.push(params);
      emit({ type: 'queued', messageId: 'ab' });
      return { messageId: 'ab', state: 'sent', afterMs: 3 };
    };
    const { state } = await agentIn([kitchen], { send });
    expect((await cli(['group', 'send', 'kitchen', 'dinner'], { state })).stdout).toBe('Sent to kitchen in 3 ms.\n');
    expect(sent).toMatchObject([{ to: { kind: 'group', group: id }, payload: Buffer.from('dinner').toString('base64'), waitMs: 10_000 }]);
  });

  it('are shown, of one group or of all, and nothing else', async () => {
    const message: MessageEvent = {
      type: 'message',
      messageId: 'ab',
      group: id,
      from: board,
      channel: 'default',
      contentType: 'text/plain',
      payload: Buffer.from('dinner').toString('base64'),
      receivedAtWallMs: 0,
    };
    const { group, ...direct } = message;
    const watch: AgentControl['watch'] = vi.fn(async (_params, { emit }) => {
      emit(direct);
      emit(message);
    });
    const { state } = await agentIn([kitchen], { watch });
    expect((await cli(['group', 'watch', 'kitchen'], { state })).stdout).toMatch(
      /^\S+ {2}message from board-1 to group 01234567 on default: dinner\n$/,
    );
    expect(watch).toHaveBeenCalledWith(expect.objectContaining({ group: id, happenings: false }), expect.anything());
  });
});

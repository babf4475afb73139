import { CpnsError, pnId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { PnReport } from '../../src/control/api/networks.js';
import { cli } from '../support/cli.js';
import { serveControl } from '../support/control.js';
import { board, network as boardsNetwork, laptop } from '../support/network.js';

const home = boardsNetwork.pnId;
const work = pnId('00000000000000000000000000000001');

const network: PnReport = { ...boardsNetwork, keyEpoch: 2 };
const details = `  2 members, this device is PNE, inventory version 3, key epoch 2
  laptop   PN GW  Member
  board-1  PNE    Member  up, protected by LocalEUKey, forward secret
`;

describe('cpns-agent pn list', () => {
  it('shows what can be joined, and how', async () => {
    const offered = [
      { pnId: home, gateway: laptop, isMember: false },
      { pnId: work, gateway: board, isMember: true },
    ];
    const { state } = await serveControl({ listPns: async () => ({ pns: offered }) });
    const { stdout } = await cli(['pn', 'list'], { state });
    expect(stdout).toContain(`${home}  laptop   cpns-agent pn join ${home}\n`);
    expect(stdout).toContain(`${work}  board-1  this device is in it\n`);
    expect(JSON.parse((await cli(['pn', 'list', '--json'], { state })).stdout)).toEqual({ pns: offered });
  });

  it('says so when there is nothing', async () => {
    const { state } = await serveControl({ listPns: async () => ({ pns: [] }) });
    expect((await cli(['pn', 'list'], { state })).stdout).toBe('No linked PN GW offers a personal network; see: cpns-agent peers\n');
  });
});

describe('ways into a network', () => {
  it.each([
    {
      args: ['join', home, '--gateway', 'laptop'],
      name: 'joinPn',
      params: { pnId: home, gateway: laptop },
      text: `This device joined the personal network ${home}.`,
    },
    { args: ['register'], name: 'registerInPn', params: {}, text: `This device is registered in the personal network ${home}.` },
    {
      args: ['register', home],
      name: 'registerInPn',
      params: { pnId: home },
      text: `This device is registered in the personal network ${home}.`,
    },
    {
      args: ['invite', 'board-1', '--pn', home],
      name: 'inviteIntoPn',
      params: { pne: board, pnId: home },
      text: `board-1 is in the personal network ${home}.`,
    },
  ] as const)('asks for what was meant: pn $args', async ({ args, name, params, text }) => {
    const asked: unknown[] = [];
    const { state } = await serveControl({
      [name]: async (given: unknown, { emit }: { emit(event: unknown): void }) => {
        asked.push(given);
        emit({ type: 'waiting', text: 'Somebody may have to say yes', atMostMs: 60_000 });
        return { pn: network };
      },
    });
    const { stdout, stderr } = await cli(['pn', ...args], { state });
    expect(asked).toEqual([params]);
    expect(stderr).toBe('  Somebody may have to say yes (at most 1:00)\n');
    expect(stdout).toBe(`${text}\n${details}`);
  });

  it('passes a refusal on, in one line', async () => {
    const { state } = await serveControl({
      joinPn: () => Promise.reject(new CpnsError('State', 'NoSuchPn', 'No linked PN GW offers that; see "cpns-agent pn list".')),
    });
    const { exit, stderr } = await cli(['pn', 'join', home], { state });
    expect(exit).not.toBe(0);
    expect(stderr).toContain('cpns-agent pn list');
  });

  it.each([[['join']], [['join', 'xyz']], [['invite']], [['invite', 'No Id']]])('refuses pn %j', async (args) => {
    const { state } = await serveControl({});
    expect((await cli(['pn', ...args], { state })).exit).toBe(2);
  });
});

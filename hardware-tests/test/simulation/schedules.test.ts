import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceTree } from '../../mutants/workshop.js';
import type { Action, Schedule } from '../../rigs/simulation/schedules/actions.js';
import { diagram } from '../../rigs/simulation/schedules/diagram.js';
import { scheduleOf } from '../../rigs/simulation/schedules/generate.js';
import { GUARDS } from '../../rigs/simulation/schedules/guards.js';
import { PLANTED } from '../../rigs/simulation/schedules/planted.js';
import { play } from '../../rigs/simulation/schedules/play.js';
import { shrinkBy } from '../../rigs/simulation/schedules/shrink.js';
import { Trace } from '../../rigs/simulation/schedules/trace.js';

async function traced(schedule: Schedule): Promise<string> {
  const trace = new Trace();
  expect(await play(schedule, schedule.actions, trace)).toEqual([]);
  return diagram(trace).join('\n');
}

describe('random schedules', () => {
  it('leave everybody in agreement and able to go on', async () => {
    for (let seed = 1; seed <= 4; seed++) expect(await play(scheduleOf(seed)), `seed ${seed}`).toEqual([]);
  }, 120_000);

  it('are played in the very same way each time', async () => {
    for (const seed of [3]) {
      const first = await traced(scheduleOf(seed));
      expect(await traced(scheduleOf(seed))).toBe(first);
      expect(first.split('\n').length).toBeGreaterThan(60);
    }
  }, 120_000);

  it('differ from one another, and every kind of action comes up', () => {
    const all = Array.from({ length: 300 }, (_, seed) => scheduleOf(seed));
    expect(new Set(all.map(({ actions }) => JSON.stringify(actions))).size).toBe(300);
    const kinds = new Set(all.flatMap(({ actions }) => actions.map((action) => action.do)));
    expect([...kinds].sort()).toEqual(
      [
        ...['group-create', 'group-expel', 'group-invite', 'group-join', 'group-leave', 'group-owner', 'group-release', 'group-send'],
        ...['clock', 'establish', 'expel', 'invite', 'join', 'leave', 'pair', 'power-cut', 'register', 'release', 'restart', 'revoke'],
        ...['send', 'server-away', 'server-crash', 'sever', 'silence', 'unpair', 'unplug', 'weather'],
      ].sort(),
    );
  });

  it('show messages, steps and faults in their diagram', async () => {
    const [establish, weather, last] = [
      { do: 'establish', at: 'phone', type: 'all', named: [], atMs: 100 },
      { do: 'weather', way: ['laptop', 'phone'], weather: { loss: 1 }, forMs: 3_000, atMs: 0 },
      { do: 'restart', device: 'board', atMs: 500 },
    ] as const satisfies Action[];
    const schedule: Schedule = {
      seed: 1,
      devices: ['laptop', 'phone', 'board'],
      pairings: [['laptop', 'phone']],
      actions: [weather, establish, last],
    };
    const text = await traced(schedule);
    expect(text).toMatch(/laptop +phone +board +server/);
    expect(text).toContain('=== phone establishes (all)');
    expect(text).toMatch(/ \|X-+\| .*PN Setup Request \(PNE to PN GW\) \(3: 1\) {2}!! lost/);
    expect(text).toMatch(/ \|-+>\| +Connection Setup Request \(PN GW\) \(2: 8\), in clear/);
    expect(text).not.toContain('nobody here sealed');
  });

  it('show in their diagram what people do with service groups', async () => {
    const text = await traced({
      seed: 1,
      devices: ['laptop', 'phone', 'board'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
      ],
      actions: [
        { do: 'establish', at: 'phone', type: 'all', named: [], atMs: 0 },
        { do: 'group-create', at: 'phone', pn: 0, members: ['board'], open: false, atMs: 5_000 },
        { do: 'group-send', at: 'phone', group: 0, atMs: 15_000 },
        { do: 'group-expel', at: 'phone', group: 0, pne: 'board', atMs: 16_000 },
      ],
    });
    expect(text).toContain('=== phone: group-create with board (PN 0)');
    expect(text).toContain('-- phone was told that its service group stands');
    expect(text).toMatch(/ \|<-+\| .*SG Data, PAN/);
    expect(text).toContain('=== phone: group-expel board (group 0)');
    expect(text).toContain('-- phone was told that this is done: group-expel');
    expect(text).toMatch(/relayed: SG Expelled Notice, PAN/);
  });
});

describe('shrinking', () => {
  it('finds the shortest prefix that fails, and leaves out what does not matter', async () => {
    const tried: string[] = [];
    const fails = async (kept: readonly number[]) => {
      tried.push(kept.join());
      return kept.includes(2) && kept.includes(5) ? ['broken'] : [];
    };
    expect(await shrinkBy(9, fails)).toEqual({ kept: [2, 5], violations: ['broken'] });
    expect(tried).toContain('0,1,2,3,4,5');
  });

  it('keeps all of what fails without any action', async () => {
    expect(await shrinkBy(3, async () => ['always broken'])).toEqual({ kept: [], violations: ['always broken'] });
  });
});

const FOUND: readonly (readonly [string, Schedule])[] = [
  [
    'a newcomer that is handed the PN key from before it came, since the server is gone before the next one is fetched',
    {
      seed: 108,
      devices: ['laptop', 'phone', 'board', 'watch', 'guest', 'hub'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['laptop', 'watch'],
        ['laptop', 'guest'],
        ['guest', 'hub'],
      ],
      actions: [
        { do: 'establish', at: 'board', type: 'one-to-one', named: ['phone', 'hub'], atMs: 0 },
        { do: 'send', from: 'board', to: 'watch', atMs: 20026 },
        { do: 'server-crash', deeds: 9, downMs: 1000, atMs: 26102 },
        { do: 'join', at: 'watch', pn: 2, atMs: 31326 },
        { do: 'server-crash', deeds: 4, downMs: 100, atMs: 51341 },
      ],
    },
  ],
  [
    'a PN GW that keeps the PAN session of a device which the server, when it registered, called no member',
    {
      seed: 351,
      devices: ['laptop', 'phone', 'board'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['phone', 'board'],
      ],
      actions: [
        { do: 'establish', at: 'board', type: 'named', named: ['phone'], atMs: 0 },
        { do: 'power-cut', device: 'laptop', deeds: 1, downMs: 100, atMs: 22 },
        { do: 'power-cut', device: 'laptop', deeds: 5, downMs: 40000, atMs: 40100 },
        { do: 'sever', way: ['laptop', 'board'], atMs: 45119 },
      ],
    },
  ],
  [
    'requests repeated in a replaced session, which use up the hints that others need after a restart of the server',
    {
      seed: 616,
      devices: ['laptop', 'phone', 'board', 'watch'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['laptop', 'watch'],
        ['phone', 'board'],
      ],
      actions: [
        { do: 'establish', at: 'board', type: 'all', named: ['watch'], atMs: 0 },
        { do: 'server-crash', deeds: 10, downMs: 40000, atMs: 71 },
        { do: 'establish', at: 'phone', type: 'all', named: ['board', 'watch'], atMs: 96 },
        { do: 'power-cut', device: 'board', deeds: 8, downMs: 40000, atMs: 305 },
      ],
    },
  ],
  [
    'a revocation between the registration of a PN and its PN key, which the revoked device must not be handed',
    {
      seed: 756,
      devices: ['laptop', 'phone', 'board', 'guest'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['laptop', 'guest'],
      ],
      actions: [
        { do: 'establish', at: 'phone', type: 'all', named: ['laptop', 'board'], atMs: 0 },
        { do: 'revoke', device: 'phone', atMs: 20 },
      ],
    },
  ],
  [
    'a PNE that asks for ever in a PAN session which its PN GW has ended',
    {
      seed: 984,
      devices: ['laptop', 'phone', 'board', 'watch'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['laptop', 'watch'],
      ],
      actions: [
        { do: 'establish', at: 'board', type: 'named', named: ['phone', 'watch'], atMs: 0 },
        { do: 'server-crash', deeds: 2, downMs: 40000, atMs: 21 },
        { do: 'restart', device: 'board', atMs: 365 },
      ],
    },
  ],
  [
    'a PNE that left when the server was lost, and asks for ever in a PAN session which its PN GW has ended',
    {
      seed: 99,
      devices: ['laptop', 'phone', 'board', 'watch'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['laptop', 'watch'],
      ],
      actions: [
        { do: 'establish', at: 'board', type: 'named', named: ['watch'], atMs: 0 },
        { do: 'establish', at: 'phone', type: 'all', named: ['board'], atMs: 21 },
        { do: 'server-crash', deeds: 9, downMs: 40000, atMs: 226 },
        { do: 'sever', way: ['laptop', 'phone'], atMs: 256 },
        { do: 'release', at: 'laptop', pn: 0, atMs: 5274 },
        { do: 'leave', at: 'phone', pn: 2, atMs: 5490 },
        { do: 'server-crash', deeds: 0, downMs: 100, atMs: 45519 },
      ],
    },
  ],
  [
    'a PNE that missed a release, and did not take the refusal of the server for its word that the PN is gone',
    {
      seed: 205,
      devices: ['laptop', 'phone', 'board', 'watch', 'guest'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['laptop', 'watch'],
        ['laptop', 'guest'],
        ['phone', 'board'],
      ],
      actions: [
        { do: 'establish', at: 'phone', type: 'all', named: ['board', 'guest'], atMs: 0 },
        { do: 'silence', way: ['laptop', 'board'], forMs: 2000, atMs: 5006 },
        { do: 'release', at: 'phone', pn: 0, atMs: 5033 },
        { do: 'unpair', one: 'laptop', other: 'phone', atMs: 10050 },
      ],
    },
  ],
  [
    'a member of a group that came in as PN GW, and is PNE of another one since it restarted: nobody can reach it for that group',
    {
      seed: 1471,
      devices: ['laptop', 'phone', 'board'],
      pairings: [
        ['laptop', 'phone'],
        ['laptop', 'board'],
        ['phone', 'board'],
      ],
      actions: [
        { do: 'establish', at: 'phone', type: 'one-to-one', named: ['laptop'], atMs: 0 },
        { do: 'group-create', at: 'laptop', pn: 1, members: [], open: false, atMs: 211 },
        { do: 'silence', way: ['laptop', 'board'], forMs: 30_000, atMs: 1_461 },
        { do: 'group-join', at: 'board', group: 0, atMs: 22_844 },
        { do: 'restart', device: 'board', atMs: 27_893 },
      ],
    },
  ],
];

describe('schedules that found something', () => {
  it.each(FOUND)(
    '%s',
    async (_what, schedule) => {
      expect(await play(schedule)).toEqual([]);
    },
    120_000,
  );
});

it.each([
  ['schedules have', PLANTED, 17],
  ['tests have', GUARDS, 7],
] as const)('bugs can be planted that %s to find: npm run rig -- simulation --planted', (_who, mutants, count) => {
  expect(mutants.length).toBe(count);
  for (const { name, file, find } of mutants) expect(readFileSync(join(sourceTree(), file), 'utf8').split(find).length, name).toBe(2);
});

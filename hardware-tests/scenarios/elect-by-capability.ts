import { elected, peers, probed, SETTLED_MS, status } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { BOARD, LAPTOP, PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

export const electByCapability = defineScenario({
  name: 'elect-by-capability',
  title: 'Of two devices the better suited one becomes PN GW, both say so, and both explain it with the same numbers.',
  needs: [],
  run: async (t) => {
    // By name alone the board would win.
    const [board, laptop] = await Promise.all([t.stage.device('board', { profile: BOARD }), t.stage.device('laptop', { profile: LAPTOP })]);
    await probed(t, [board, laptop]);
    await pairByCode(board, laptop);
    await elected(t, laptop, [board]);
    t.same('the board is PNE', (await status(board)).mode, 'PNE');
    const [atBoard, atLaptop] = await Promise.all([peers(board), peers(laptop)]);
    const [own, seen] = [atLaptop.self.score, atBoard.peers.find(({ id }) => id === laptop.id)?.score];
    t.check('the laptop is eligible', own?.eligible === true);
    t.same('the board counts for the laptop what the laptop counts for itself', seen?.total, own?.total);
    t.same(
      'the points are explained to the last',
      own?.lines.reduce((sum, { points }) => sum + points, 0),
      own?.total,
    );
    t.check('the laptop has more points than the board', (own?.total ?? 0) > (atBoard.self.score?.total ?? 0));
    t.same('both name the same PN GW', [atBoard.assignment.gateway, atLaptop.assignment.gateway], [laptop.id, laptop.id]);
    await t.eventually('the server lists the laptop as PN GW', async () =>
      (await t.stage.server.admin.listGateways()).some(({ entityId, connected }) => entityId === laptop.id && connected),
    );
  },
});

export const electWithTies = defineScenario({
  name: 'elect-by-capability/ties',
  title: 'Of two equal devices the one with the lower entity id becomes PN GW.',
  needs: [],
  run: async (t) => {
    const [beta, alpha] = await Promise.all([t.stage.device('beta', { profile: PHONE }), t.stage.device('alpha', { profile: PHONE })]);
    await probed(t, [alpha, beta]);
    await pairByCode(beta, alpha);
    await elected(t, alpha, [beta]);
    const { self, peers: others } = await peers(beta);
    t.same('they have the same points', self.score?.total, others.find(({ id }) => id === alpha.id)?.score?.total);
    await t.steadily('it stays so', SETTLED_MS, async () => (await status(beta)).gateway === alpha.id);
  },
});

export const electWithThreeStarters = defineScenario({
  name: 'elect-by-capability/three-starters',
  title: 'Three devices that are paired one after another agree on the best of the three.',
  needs: [],
  run: async (t) => {
    const [phone, board, laptop] = await Promise.all([
      t.stage.device('phone', { profile: PHONE }),
      t.stage.device('board', { profile: BOARD }),
      t.stage.device('laptop', { profile: LAPTOP }),
    ]);
    const all = [phone, board, laptop];
    await probed(t, [phone, board, laptop]);
    t.step('Phone and board pair first and choose between them; the laptop comes at once after them.');
    await pairByCode(phone, board);
    await pairByCode(laptop, phone);
    await pairByCode(laptop, board);
    await elected(t, laptop, [phone, board]);
    await t.steadily('all three stay with the laptop', SETTLED_MS, async () =>
      (await Promise.all(all.map(status))).every(({ gateway }) => gateway === laptop.id),
    );
    const modes = await Promise.all(all.map(async (device) => (await status(device)).mode));
    t.same('there is one PN GW', modes, ['PNE', 'PNE', 'PN GW']);
  },
});

export const electNobody = defineScenario({
  name: 'elect-by-capability/nobody-eligible',
  title: 'Where no device may be PN GW, none becomes one, each says why, and a PN is refused with that reason.',
  needs: [],
  run: async (t) => {
    const { admin } = t.stage.server;
    await admin.addUser({ userId: 'bob' as never, services: [], chargeable: false });
    const [phone, laptop] = await Promise.all([
      t.stage.device('phone', { profile: { ...PHONE, canRoute: false } }),
      t.stage.device('laptop', { profile: LAPTOP, user: 'bob' }),
    ]);
    await pairByCode(phone, laptop);
    const idle = async (device: typeof phone) => {
      const { mode, gateway } = await status(device);
      return mode === 'unassigned' && gateway === undefined;
    };
    await t.eventually('the phone knows what the laptop can', async () =>
      (await peers(phone)).peers.some(({ id, score }) => id === laptop.id && score !== undefined),
    );
    await t.steadily('both stay unassigned', SETTLED_MS, async () => (await idle(phone)) && (await idle(laptop)));
    const [phoneSays, laptopSays] = await Promise.all([status(phone), status(laptop)]);
    t.check('the phone says that it must not route', /traffic|route/i.test(phoneSays.modeReason), phoneSays.modeReason);
    t.check('the laptop says that its subscription is the reason', /subscription/i.test(laptopSays.modeReason), laptopSays.modeReason);
    await t.fails('no PN is made', phone.request('pn.create', { setup: '1-1' }), 'NoGateway');
  },
});

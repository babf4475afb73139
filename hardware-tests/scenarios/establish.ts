import { sleep } from '@cpns/shared';
import { create, household } from './acts/household.js';
import { established, network, networks, nothingKept } from './acts/look.js';
import { everybodyTalks, send } from './acts/talk.js';
import { PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

/** What was under way has come to its end by then. */
const SETTLE_MS = 3_000;

export const establishOneToOne = defineScenario({
  name: 'establish-one-to-one',
  title: 'A PNE establishes a PN with the PN GW alone; a third device is no part of it.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    t.step('The phone asks for a PN of type 1-1.');
    const { pn, establishMs, totalMs } = await create(phone, { setup: '1-1' });
    t.check('times are told', establishMs > 0 && totalMs >= establishMs, `${establishMs} of ${totalMs} ms`);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone] });
    t.same('the board is in no PN', (await networks(board)).length, 0);
    await everybodyTalks(t, server, [phone], 'in a PN of its own');
    await t.fails('the board cannot send without a PN', send({ from: board, to: server, text: 'no' }), 'NotInPn');
    await t.fails('the PN GW does not ask itself', laptop.request('pn.create', { setup: '1-1' }), 'WithWhom');
  },
});

export const establishAll = defineScenario({
  name: 'establish-all',
  title: 'A PN of type All takes in every device of the user, each hop protected, and everybody reaches everybody.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    t.step('The phone asks for a PN of type All.');
    const { pn, outcomes } = await create(phone, { setup: 'all' });
    t.same(
      'both PNEs joined',
      outcomes
        .filter(({ joined }) => joined)
        .map(({ id }) => id)
        .sort(),
      [board.id, phone.id],
    );
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });
    const epochs = await Promise.all([phone, laptop, board].map(async (device) => (await network(device, pn.pnId))?.keyEpoch));
    t.same('all have the PN key of the same epoch', epochs, [1, 1, 1]);
    await everybodyTalks(t, server, [phone, board], 'all together');
  },
});

export const establishNamed = defineScenario({
  name: 'establish-named',
  title: 'A PN of named PNEs takes in those and nobody else, and says why a named one is not in it.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const [{ phone, laptop, board }, watch] = await Promise.all([household(t), t.stage.device('watch', { profile: PHONE })]);
    t.step('The phone names the board and a watch that is paired with nobody.');
    const { pn, outcomes } = await create(phone, { setup: 'named', pnes: [board.id, watch.id] });
    const left = outcomes.filter(({ joined }) => !joined);
    t.same(
      'the watch is not in it',
      left.map(({ id }) => id),
      [watch.id],
    );
    t.check('it is said why', (left[0]?.reason ?? '') !== '');
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });
    t.same('the watch has no PN', (await networks(watch)).length, 0);
    await everybodyTalks(t, server, [phone, board], 'by name');
  },
});

export const refuseToJoin = defineScenario({
  name: 'refuse-to-join',
  title: 'A device whose person says no, or that never joins, is left out and keeps nothing; one that says yes is in.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t, { phone: { consent: 'never' }, board: { consent: 'ask' } });
    const asked = () => t.eventually('the person at the board is asked', async () => (await board.request('consent.list', {})).consents[0]);

    t.step('The phone asks for All; the person at the board says no.');
    const first = create(phone, { setup: 'all' });
    first.catch(() => {});
    const question = await asked();
    t.same('the question names who asks', question.kind === 'invitation' && question.initiator, phone.id);
    t.same('and through whom', question.kind === 'invitation' && question.gateway, laptop.id);
    await board.request('consent.refuse', { consentId: question.consentId });
    const { pn, outcomes } = await first;
    t.same('the board is left out', outcomes.find(({ id }) => id === board.id)?.joined, false);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone] });
    t.same('the board has no PN', (await networks(board)).length, 0);

    t.step('The board asks for All; the phone never joins, the person at the board made the request.');
    const second = await create(board, { setup: 'all' });
    t.same('the phone is left out', second.outcomes.find(({ id }) => id === phone.id)?.joined, false);
    await established(t, server, { pnId: second.pn.pnId, gateway: laptop, pnes: [board] });
    t.same(
      'the phone has one PN, its own',
      (await networks(phone)).map(({ pnId }) => pnId),
      [pn.pnId],
    );

    t.step('The phone asks for All again; the person at the board says yes.');
    const third = create(phone, { setup: 'all' });
    third.catch(() => {});
    await board.request('consent.accept', { consentId: (await asked()).consentId });
    const joined = await third;
    await established(t, server, { pnId: joined.pn.pnId, gateway: laptop, pnes: [phone, board] });
  },
});

export const aborted = defineScenario({
  name: 'refuse-to-join/given-up',
  title: 'An establishment that its person gives up half-way leaves nothing anywhere.',
  needs: [],
  run: async (t) => {
    const { phone, laptop, board } = await household(t, { board: { consent: 'ask' } });
    const stop = new AbortController();
    const creating = phone.request('pn.create', { setup: 'all' }, { signal: stop.signal });
    creating.catch(() => {});
    const question = await t.eventually(
      'the person at the board is asked',
      async () => (await board.request('consent.list', {})).consents[0],
    );
    stop.abort();
    await creating.catch(() => {});
    t.step('The person at the board says yes, too late.');
    await board.request('consent.accept', { consentId: question.consentId }).catch(() => {});
    await sleep(t.stage.clock, SETTLE_MS);
    await nothingKept(t, t.stage.server, [phone, laptop, board]);
  },
});

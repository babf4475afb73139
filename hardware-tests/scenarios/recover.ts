import type { PnCreateEvent } from '@cpns/agent';
import { couple, create, household } from './acts/household.js';
import { agreed, elected, established, linked, networks, samePn, status } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { arrives, everybodyTalks, post, says } from './acts/talk.js';
import { LAPTOP, PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

/** A dead link is noticed after 6 s, dialled again within a few more, and its sessions are made anew. */
const RECOVERY_MS = 45_000;

export const serverAwayThenBack = defineScenario({
  name: 'server-away-then-back',
  title: 'While the server is away the PN goes on within itself; what was sent to the server arrives once when it is back.',
  needs: ['cables'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    const { pn } = await create(phone, { setup: 'all' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] };
    await established(t, server, expected);

    t.step('The server loses its network.');
    await server.unplug();
    const id = await post({ from: phone, to: server, text: 'written while the server was away' });
    await says(t, { from: phone, to: board, text: 'phone to board, without a server' });
    await says(t, { from: board, to: phone, text: 'board to phone, without a server' });
    await t.eventually('the phone keeps the message', async () => (await status(phone)).outbox.messages === 1);
    await t.eventually('the PN GW notices', async () => (await status(laptop)).server.uplink !== 'connected', RECOVERY_MS);
    await t.fails('no other PN is made meanwhile', create(board, { setup: '1-1' }), 'Refused', 'ServerUnreachable', 'PeerUnreachable');

    t.step('The server is back.');
    await server.plug();
    await elected(t, laptop, [phone, board], RECOVERY_MS);
    await arrives(t, server, 'written while the server was away', RECOVERY_MS);
    await t.eventually('the phone knows that it was delivered', async () =>
      phone.heard.some((event) => event.type === 'message-delivered' && event.messageId === id),
    );
    await established(t, server, expected, RECOVERY_MS);
    await everybodyTalks(t, server, [phone, board], 'with the server back');
    await samePn(t, pn.pnId, [phone, laptop, board]);
  },
});

export const startedWithoutServer = defineScenario({
  name: 'server-away-then-back/from-the-start',
  title: 'Devices that start while the server is away pair, and assign the PN GW as soon as the server can be reached.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const [phone, laptop] = await Promise.all([t.stage.device('phone', { profile: PHONE }), t.stage.device('laptop', { profile: LAPTOP })]);
    await Promise.all([phone.stop(), laptop.stop(), server.stop()]);
    await Promise.all([phone.start(), laptop.start()]);
    await pairByCode(phone, laptop);
    await linked(t, phone, laptop);
    await t.eventually('the laptop says that the server is the reason', async () => /server/i.test((await status(laptop)).modeReason));
    t.same('nobody is PN GW', [(await status(phone)).mode, (await status(laptop)).mode], ['unassigned', 'unassigned']);
    await t.fails('no PN is made', create(phone, { setup: '1-1' }), 'NoGateway');
    t.step('The server comes.');
    await server.start();
    // Whoever reaches the server first is the only one that may be PN GW at that moment; it may yield to a better one soon after.
    const gateway = await agreed(t, [phone, laptop], RECOVERY_MS);
    const pne = gateway === phone ? laptop : phone;
    await elected(t, gateway, [pne], RECOVERY_MS);
    const { pn } = await create(pne, { setup: '1-1' });
    await established(t, server, { pnId: pn.pnId, gateway, pnes: [pne] });
  },
});

export const agentKilledAndBack = defineScenario({
  name: 'agent-killed-and-back',
  title: 'An agent that is killed comes back into its PN by itself; what was sent to it meanwhile arrives once.',
  needs: ['power'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    const { pn } = await create(phone, { setup: 'all' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] };
    await established(t, server, expected);

    t.step('The battery of the phone is pulled.');
    await post({ from: phone, to: board, text: 'last words' });
    await arrives(t, board, 'last words');
    await phone.kill();
    await post({ from: board, to: phone, text: 'for when you are back' });
    await t.eventually('the PN GW notices', async () => (await status(laptop)).peers.linked === 1, RECOVERY_MS);

    t.step('The phone starts again.');
    await phone.start();
    await established(t, server, expected, RECOVERY_MS);
    await arrives(t, phone, 'for when you are back', RECOVERY_MS);
    await everybodyTalks(t, server, [phone, board], 'with the phone back');

    t.step('The PN GW is killed and starts again.');
    await laptop.kill();
    await post({ from: phone, to: board, text: 'while the PN GW was away' });
    await laptop.start();
    await elected(t, laptop, [phone, board], RECOVERY_MS);
    await established(t, server, expected, RECOVERY_MS);
    await arrives(t, board, 'while the PN GW was away', RECOVERY_MS);
    await everybodyTalks(t, server, [phone, board], 'with the PN GW back');
    await samePn(t, pn.pnId, [phone, laptop, board]);
  },
});

export const killedHalfWay = defineScenario({
  name: 'agent-killed-and-back/half-way',
  title: 'Whenever the initiator is killed during establishment: in the end all three have the PN, or none has.',
  needs: ['power'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop } = await couple(t);
    for (const last of [1, 2, 3, 4]) {
      t.step(`The phone is killed in step ${last} of 5.`);
      let killed: Promise<void> | undefined;
      const onEvent = (event: PnCreateEvent) => {
        if (event.type === 'step' && event.step === last) killed ??= phone.kill();
      };
      // A phone that has just started may not know yet who is PN GW: a person tries again.
      const underWay = async () => {
        await phone.request('pn.create', { setup: '1-1' }, { onEvent, timeoutMs: RECOVERY_MS }).catch(() => {});
        return killed !== undefined;
      };
      await t.eventually('it was under way', underWay, RECOVERY_MS);
      await killed;
      await phone.start();
      await linked(t, phone, laptop, RECOVERY_MS);
      await t.eventually(
        'all three agree on what there is',
        async () => {
          const atServer = (await server.admin.listPns()).filter(({ members }) => members.some(({ entityId }) => entityId === phone.id));
          const views = [atServer, await networks(phone), await networks(laptop)].map((pns) => pns.map(({ pnId }) => pnId).sort());
          return views.every((view) => view.join() === views[0]?.join());
        },
        RECOVERY_MS,
      );
    }
    await elected(t, laptop, [phone], RECOVERY_MS);
    const { pn } = await create(phone, { setup: '1-1' });
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone] });
    await everybodyTalks(t, server, [phone], 'after all that', pn.pnId);
  },
});

export const gatewayUnpluggedAndBack = defineScenario({
  name: 'gateway-unplugged-and-back',
  title: 'A PN GW that loses its network is missed within seconds, and serves the same PN when it is back; messages wait.',
  needs: ['cables'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    const { pn } = await create(phone, { setup: 'all' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] };
    await established(t, server, expected);

    t.step('The cable of the PN GW is pulled.');
    await laptop.unplug();
    await t.eventually('the phone misses it', async () => (await status(phone)).peers.linked === 0, 15_000);
    await t.eventually('the PN GW misses the phone', async () => (await status(laptop)).peers.linked === 0, 15_000);
    t.same('the PN is suspended at the phone', (await networks(phone))[0]?.state, 'Suspended');
    await post({ from: phone, to: board, text: 'to the board, later' });
    await post({ from: phone, to: server, text: 'to the server, later' });
    t.same('the phone keeps both messages', (await status(phone)).outbox.messages, 2);

    t.step('The cable is plugged in again.');
    await laptop.plug();
    await elected(t, laptop, [phone, board], RECOVERY_MS);
    await established(t, server, expected, RECOVERY_MS);
    await arrives(t, board, 'to the board, later', RECOVERY_MS);
    await arrives(t, server, 'to the server, later', RECOVERY_MS);
    await everybodyTalks(t, server, [phone, board], 'with the PN GW back');
    await samePn(t, pn.pnId, [phone, laptop, board]);
  },
});

export const serverRestarted = defineScenario({
  name: 'server-restarted',
  title: 'A server that is killed keeps its PNs: the gateway authenticates anew, the PNEs register anew, messages go on.',
  needs: ['power'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop } = await couple(t);
    const { pn } = await create(phone, { setup: '1-1' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone] };
    await established(t, server, expected);
    await everybodyTalks(t, server, [phone], 'before');

    t.step('The server is killed.');
    await server.kill();
    await post({ from: phone, to: server, text: 'while the server was dead' });
    await server.start();
    await elected(t, laptop, [phone], RECOVERY_MS);
    await arrives(t, server, 'while the server was dead', RECOVERY_MS);
    await established(t, server, expected, RECOVERY_MS);
    await everybodyTalks(t, server, [phone], 'after');
    await samePn(t, pn.pnId, [phone, laptop]);
  },
});

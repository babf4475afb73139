import { pnIdText } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import { FAIR_WEATHER } from '@cpns/shared/testing';
import type { SimulatedDevice } from '../device.js';
import { type Action, SERVER } from './actions.js';
import { attempt, nth, on, type Told } from './attempt.js';
import { performInGroups } from './perform-groups.js';
import type { Playground } from './playground.js';

const MESSAGES_AT_ONCE = 3;

/** Begins an action; it may end long after. Where it is not possible, nothing happens and the reason is told. */
export function perform(ground: Playground, action: Action, told: Told): void {
  const { clock, server } = ground;
  switch (action.do) {
    case 'establish':
      return establish(ground, action, told);
    case 'join':
    case 'register':
      return comeIn(ground, action, told);
    case 'invite':
      return invite(ground, action, told);
    case 'leave':
    case 'expel':
    case 'release':
      return end(ground, action, told);
    case 'group-create':
    case 'group-join':
    case 'group-invite':
    case 'group-leave':
    case 'group-expel':
    case 'group-owner':
    case 'group-release':
    case 'group-send':
      return performInGroups(ground, action, told);
    case 'send':
      return send(ground, action, told);
    case 'pair':
      return pair(ground, action, told);
    case 'unpair':
      return on(ground, action.one, told, ({ device }) => device.unpair(entityId(action.other)));
    case 'revoke':
      return attempt(told, 'revocation', () => server.enabler.revokeDevice(entityId(action.device)));
    case 'restart':
      return void ground.restart(action.device);
    case 'power-cut':
      return afterDeeds(ground.running.get(action.device), action.deeds, () => cutPower(ground, action, told));
    case 'server-crash':
      return afterDeeds(server, action.deeds, () => crashServer(ground, action.downMs, told));
    case 'server-away':
      if (!server.reachable) return;
      server.goAway();
      return void clock.after(action.downMs, () => server.comeBack());
    case 'sever':
      return ground.sever(action.way);
    case 'silence':
      ground.setSilent(action.way, true);
      return void clock.after(action.forMs, () => ground.setSilent(action.way, false));
    case 'unplug':
      for (const way of ground.waysOf(action.device)) ground.setSilent(way, true);
      return void clock.after(action.forMs, () => ground.waysOf(action.device).forEach((way) => void ground.setSilent(way, false)));
    case 'jam':
      ground.setJammed(action.device, true);
      return void clock.after(action.forMs, () => ground.setJammed(action.device, false));
    case 'clock':
      return ground.running.get(action.device)?.setClockAhead(action.aheadMs);
    case 'weather':
      ground.setWeather(action.way, { ...FAIR_WEATHER, ...action.weather });
      return void clock.after(action.forMs, () => ground.setWeather(action.way, FAIR_WEATHER));
  }
}

type Of<D extends Action['do']> = Extract<Action, { do: D }>;

function establish(ground: Playground, { at, type, named }: Of<'establish'>, told: Told): void {
  on(ground, at, told, async ({ id, device }) => {
    ground.asked.set(id, (ground.asked.get(id) ?? 0) + 1);
    const setup = type === 'named' ? ({ type, pnes: named.map((name) => entityId(name)) } as const) : ({ type } as const);
    await device.networks.establish(setup, undefined, () => {}, new AbortController().signal);
    told(`${at} was told that its personal network stands`);
  });
}

/** Somebody tells this person which PN it is; to be in it already, or not to reach its PN GW, is for the program to find out. */
function comeIn(ground: Playground, { do: how, at, pn }: Of<'join' | 'register'>, told: Told): void {
  on(ground, at, told, async ({ id, device }) => {
    const chosen = nth(
      ground.server.database.reads.pns.list().filter(({ gateway }) => gateway !== id),
      pn,
    );
    if (chosen === undefined) return told('there is no personal network');
    ground.wanted(id);
    await device.networks[how](chosen.pnId, chosen.gateway, new AbortController().signal);
    told(`${at} was told that it is in`);
  });
}

function invite(ground: Playground, { at, pne, pn }: Of<'invite'>, told: Told): void {
  on(ground, at, told, async ({ device }) => {
    const chosen = nth(device.state.pns(), pn);
    if (chosen === undefined) return told(`${at} is in no personal network`);
    ground.wanted(entityId(pne));
    await device.networks.invite(entityId(pne), pnIdText(chosen.pnId), new AbortController().signal);
    told(`${at} was told that ${pne} is in`);
  });
}

function end(ground: Playground, action: Of<'leave' | 'release'> | Of<'expel'>, told: Told): void {
  on(ground, action.at, told, async ({ id, device }) => {
    const chosen = nth(device.state.pns(), action.pn);
    if (chosen === undefined) return told(`${action.at} is in no personal network`);
    const pnId = pnIdText(chosen.pnId);
    const out = action.do === 'expel' ? entityId(action.pne) : action.do === 'leave' ? id : undefined;
    const isDone = ground.promise(chosen, out);
    if (action.do === 'expel') await device.networks.expel(entityId(action.pne), pnId);
    else await device.networks[action.do](pnId);
    isDone();
    told(`${action.at} was told that this is done: ${action.do}`);
  });
}

/** Several at once, so that some are under way whenever something happens. */
function send(ground: Playground, { from, to }: Of<'send'>, told: Told): void {
  for (let message = 0; message < MESSAGES_AT_ONCE; message++) sendOne(ground, from, to, Uint8Array.of(message), told);
}

function sendOne(ground: Playground, from: string, to: string, payload: Uint8Array, told: Told): void {
  const message = { channel: 'c', contentType: 'text/plain', payload };
  if (from === SERVER) return attempt(told, 'sending', () => ground.server.enabler.sendData({ ...message, to: entityId(to) }, 1_000));
  on(ground, from, told, ({ device }) => {
    return device.messenger.queue({ ...message, pnId: undefined, to: to === SERVER ? SERVER : entityId(to) });
  });
}

/** Both people choose each other's device and say yes when they see the code. */
function pair(ground: Playground, { one, other }: Of<'pair'>, told: Told): void {
  for (const [self, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    on(ground, self, told, ({ device }) =>
      device.pairing.pair(
        { type: 'code', peer: entityId(peer) },
        undefined,
        (event) => {
          if (event.type !== 'code') return;
          ground.clock.after(10, () => attempt(told, self, async () => device.pairing.answer(event.attempt, { type: 'yes' })));
        },
        new AbortController().signal,
      ),
    );
  }
}

function cutPower(ground: Playground, { device, downMs }: Of<'power-cut'>, told: Told): void {
  const store = ground.powerCut(device);
  if (store === undefined) return;
  told(`${device} has no power`);
  ground.clock.after(downMs, () => {
    told(`${device} has power again`);
    void ground.start(device, store);
  });
}

function crashServer({ server, clock }: Playground, downMs: number, told: Told): void {
  if (!server.reachable) return;
  server.crash();
  told('the server is gone');
  clock.after(downMs, () => {
    told('the server is back');
    server.restart();
  });
}

/** Right after the n-th deed of a party from now; at once when n is 0. */
function afterDeeds(party: Pick<SimulatedDevice, 'deeds'> | undefined, n: number, then: () => void): void {
  if (n === 0) then();
  else party?.deeds.at(n, then);
}

import { CpnsError, describeError, type PnId } from '@cpns/shared';
import type { AirHandle, Assault, DeviceHandle } from '../rigs/rig.js';
import { couple, create, household } from './acts/household.js';
import { elected, established, linked, network, networks, peerOf, probed, status } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { everybodyTalks, says } from './acts/talk.js';
import { LAPTOP, PHONE } from './profiles.js';
import { defineScenario, type Telling } from './scenario.js';

const RECOVERY_MS = 60_000;
/** A control API that waits for a radio that stands still would take at least the 5 s after which that is ended. */
const PROMPT_MS = 4_000;

function airOf(t: Telling): AirHandle {
  const { air } = t.stage;
  if (air === undefined) throw new CpnsError('Internal', 'NoAir', 'This stage has no air that can be disturbed.');
  return air;
}

export const bleRadioFrozen = defineScenario({
  name: 'ble-radio-frozen',
  title: 'A radio process that stands still or is killed costs its links and nothing else; Bluetooth comes back by itself.',
  needs: ['ble', 'air'],
  run: async (t) => {
    const air = airOf(t);
    const { server } = t.stage;
    const { phone, laptop } = await couple(t);
    const { pn } = await create(phone, { setup: '1-1' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone] };
    await established(t, server, expected, RECOVERY_MS);
    for (const [what, device] of [
      ['stands still', phone],
      ['stands still', laptop],
      ['is killed', laptop],
    ] as const) {
      t.step(`The radio of the ${device.id} ${what}.`);
      const isLinked = async () => (await peerOf(device, device === phone ? laptop : phone))?.link !== undefined;
      if (what === 'is killed') await air.killRadio(device);
      else await air.freezeRadio(device);
      await t.eventually(
        'its links are declared lost, and the agent answers all the time',
        async () => {
          const { clock } = t.stage;
          const askedMs = clock.monotonicMs();
          const lost = !(await isLinked());
          const took = clock.monotonicMs() - askedMs;
          t.check('the control API answers promptly', took < PROMPT_MS, `${Math.round(took)} ms`);
          return lost;
        },
        RECOVERY_MS,
      );
      t.step('It comes back by itself.');
      await linked(t, phone, laptop, RECOVERY_MS);
      await established(t, server, expected, RECOVERY_MS);
      await everybodyTalks(t, server, [phone], `after the radio of the ${device.id} ${what}`);
      await air.thawRadio(device);
    }
    await says(t, { from: phone, to: server, text: 'the thawed radios are of no account' });
  },
});

/** A PN whose PN GW has one PNE over Bluetooth and the other over the local network. */
async function onBothTechnologies(t: Telling) {
  const { phone, laptop, board } = await household(t, {
    phone: { pan: ['ble'] },
    laptop: { pan: ['lan', 'ble'] },
    board: { pan: ['lan'] },
  });
  const { pn } = await create(board, { setup: 'all' });
  const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] };
  await established(t, t.stage.server, expected, RECOVERY_MS);
  return { phone, laptop, board, expected };
}

/** As long as a native connect to a device that has vanished can take, and more. */
const STUCK_MS = 60_000;

export const bleRadioStuck = defineScenario({
  name: 'ble-radio-frozen/in-connect',
  title:
    'A radio that is stuck in connecting for a minute stops neither the control API nor the local network; Bluetooth comes back by itself.',
  needs: ['ble', 'air', 'ip'],
  run: async (t) => {
    const air = airOf(t);
    const { server } = t.stage;
    const { phone, laptop, board, expected } = await onBothTechnologies(t);

    t.step('The phone is lost and heard again; the radio of the laptop gets stuck when it connects to it.');
    const { clock } = t.stage;
    await air.hangConnect(laptop, STUCK_MS);
    await air.killRadio(phone);
    const from = laptop.heard.length;
    let longestMs = 0;
    let said = 0;
    await t.eventually(
      'the laptop finds out that its radio stands still',
      async () => {
        const askedMs = clock.monotonicMs();
        const { pan } = await status(laptop);
        longestMs = Math.max(longestMs, clock.monotonicMs() - askedMs);
        if (pan.some(({ technology, state }) => technology === 'ble' && state === 'problem')) return true;
        await says(t, { from: board, to: server, text: `over the local network, ${++said}`, pnId: expected.pnId });
        return false;
      },
      RECOVERY_MS,
    );
    t.check('the control API answers promptly all the time', longestMs < PROMPT_MS, `${Math.round(longestMs)} ms at most`);
    const lost = laptop.heard.slice(from).filter((event) => event.type === 'link-down' && event.peer === board.id);
    t.same('the link over the local network was never lost', lost, []);

    t.step('Bluetooth comes back by itself, long before the minute is over.');
    await linked(t, phone, laptop, STUCK_MS);
    await established(t, server, expected, RECOVERY_MS);
    await everybodyTalks(t, server, [phone, board], 'after the radio of the laptop was stuck');
  },
});

/** Where Bluetooth cannot work, it is tried again within a minute. */
const TRIED_AGAIN_MS = 60_000;

export const bleNotPermitted = defineScenario({
  name: 'ble-not-permitted',
  title: 'An agent that may not use its adapter goes on without Bluetooth, says how to permit it, and uses it once it may.',
  needs: ['ble', 'air', 'ip'],
  run: async (t) => {
    const air = airOf(t);
    const { server } = t.stage;
    const { phone, laptop, board, expected } = await onBothTechnologies(t);

    t.step('The laptop loses its permission, and its radio has to begin anew.');
    await air.forbidAdapter(laptop, true);
    await air.killRadio(laptop);
    const cure = /sudo setcap cap_net_raw\+ep \/\S+$/;
    await t.eventually(
      'status says how to permit it',
      async () => (await status(laptop)).pan.some(({ technology, problem }) => technology === 'ble' && cure.test(problem ?? '')),
      RECOVERY_MS,
    );
    const { checks } = await laptop.request('doctor', {});
    const found = checks.filter(({ name }) => name === 'Bluetooth');
    t.check(
      'doctor says how to permit it',
      found.some(({ says, outcome }) => outcome === 'warning' && cure.test(says)),
      JSON.stringify(found),
    );
    await says(t, { from: board, to: server, text: 'without Bluetooth', pnId: expected.pnId });

    t.step('It is permitted again.');
    await air.forbidAdapter(laptop, false);
    await linked(t, phone, laptop, TRIED_AGAIN_MS + RECOVERY_MS);
    await established(t, server, expected, RECOVERY_MS);
    await everybodyTalks(t, server, [phone, board], 'with the permission');
  },
});

/** Several couples at once: most of the time is waiting for supervision timeouts. */
const COUPLES = 3;
/** More ATT packets than an establishment has (issue of the benchmark `ble`: at most 60). */
const MOST_PACKETS = 200;

interface Couple {
  readonly phone: DeviceHandle;
  readonly laptop: DeviceHandle;
}

/** What all three know of personal networks of this phone. */
async function views(t: Telling, { phone, laptop }: Couple): Promise<string[]> {
  const atServer = (await t.stage.server.admin.listPns()).filter(({ members }) => members.some(({ entityId }) => entityId === phone.id));
  return [atServer, await networks(phone), await networks(laptop)].map((pns) =>
    pns
      .map(({ pnId }) => pnId)
      .sort()
      .join(),
  );
}

async function meet(t: Telling, number: number): Promise<Couple> {
  const [phone, laptop] = await Promise.all([
    t.stage.device(`phone${number}`, { profile: PHONE, user: `user${number}` }),
    t.stage.device(`laptop${number}`, { profile: LAPTOP, user: `user${number}` }),
  ]);
  await probed(t, [phone, laptop]);
  await pairByCode(laptop, phone);
  await elected(t, laptop, [phone], RECOVERY_MS);
  return { phone, laptop };
}

/** Makes a PN while nothing disturbs, and counts the ATT packets that it took. */
async function undisturbed(t: Telling, air: AirHandle, { phone, laptop }: Couple): Promise<number> {
  const before = (await air.counters()).attPackets;
  const made: PnId[] = [];
  await t.eventually(
    'the server takes one more establishment after so many',
    async () => {
      try {
        made.push((await create(phone, { setup: '1-1' })).pn.pnId);
      } catch (error) {
        if (!(error instanceof CpnsError) || error.code !== 'Refused') throw error;
      }
      return made.length > 0;
    },
    RECOVERY_MS,
  );
  await established(t, t.stage.server, { pnId: made[0] as PnId, gateway: laptop, pnes: [phone] }, RECOVERY_MS);
  return (await air.counters()).attPackets - before;
}

const lossesOf = (device: DeviceHandle) => device.heard.filter(({ type }) => type === 'link-down').length;

/** The link falls silent at that packet of an establishment; afterwards all agree. */
async function cutOnce(t: Telling, air: AirHandle, couple: Couple, packet: number): Promise<void> {
  const { phone, laptop } = couple;
  await linked(t, phone, laptop, RECOVERY_MS);
  await elected(t, laptop, [phone], RECOVERY_MS);
  const lost = lossesOf(phone);
  await air.cutAt(phone, packet);
  const outcome = await create(phone, { setup: '1-1' }).then(
    ({ pn }) => pn.pnId,
    () => undefined,
  );
  await t.eventually(`the link was lost at packet ${packet}`, async () => lossesOf(phone) > lost, RECOVERY_MS);
  await linked(t, phone, laptop, RECOVERY_MS);
  await t.eventually(
    `all three agree after a cut at packet ${packet}`,
    async () => {
      const [first, ...others] = await views(t, couple);
      return others.every((view) => view === first);
    },
    RECOVERY_MS,
  );
  if (outcome === undefined) return;
  await t.eventually(
    `the PN that was made in spite of a cut at packet ${packet} is whole`,
    async () => {
      const [own, hosted] = [await network(phone, outcome), await network(laptop, outcome)];
      return own?.state === 'Established' && hosted?.state === 'Established';
    },
    RECOVERY_MS,
  );
}

export const bleDropAtEveryStep = defineScenario({
  name: 'ble-drop-at-every-step',
  title:
    'Whichever ATT packet of an establishment the link is lost at: in the end all three have the PN, or none has, and the next one is made.',
  needs: ['ble', 'air'],
  run: async (t) => {
    const air = airOf(t);
    const couples = await Promise.all(Array.from({ length: COUPLES }, (_, at) => meet(t, at + 1)));
    const packets = await undisturbed(t, air, couples[0] as Couple);
    t.check('an establishment has a number of packets that can be gone through', packets > 0 && packets < MOST_PACKETS, `${packets}`);
    t.step(`An establishment takes ${packets} ATT packets; the link is cut at each of them.`);
    await Promise.all(
      couples.map(async (one, at) => {
        for (let packet = at + 1; packet <= packets; packet += COUPLES) await cutOnce(t, air, one, packet);
      }),
    );
    t.step('Undisturbed, all of them make PNs again.');
    for (const one of couples) await undisturbed(t, air, one);
  },
});

/** Nobody near may cost a device more than this. */
const MOST_GROWTH_OCTETS = 96 * 1024 * 1024;
const ASSAULTS: readonly Assault[] = ['mute', 'garbage', 'flood', 'deaf'];

/** He may cost them a link in the middle of it; a person who is told so asks again. */
async function createUnderAttack(t: Telling, phone: DeviceHandle, laptop: DeviceHandle, tries = 3): ReturnType<typeof create> {
  try {
    return await create(phone, { setup: '1-1' });
  } catch (error) {
    if (tries === 1) throw error;
    t.step(`The phone asks again: ${describeError(error)}`);
    await linked(t, phone, laptop, RECOVERY_MS);
    return await createUnderAttack(t, phone, laptop, tries - 1);
  }
}

export const bleHostilePeer = defineScenario({
  name: 'ble-hostile-peer',
  title:
    'Somebody near who is silent, floods, says nonsense or claims to be another cannot keep an honest pair apart, nor fill its memory.',
  needs: ['ble', 'air'],
  run: async (t) => {
    const air = airOf(t);
    const { server } = t.stage;
    const [phone, laptop] = await Promise.all([t.stage.device('phone', { profile: PHONE }), t.stage.device('laptop', { profile: LAPTOP })]);
    await probed(t, [phone, laptop]);
    const before = await Promise.all([phone, laptop].map(air.memoryOf));
    const mallory = await air.hostile();
    t.step('He connects to the phone and writes nonsense, while phone and laptop pair.');
    await mallory.assault(phone, 'garbage');
    await pairByCode(phone, laptop);
    await elected(t, laptop, [phone], RECOVERY_MS);
    t.check('he was there', (await mallory.tally()).connections > 0);
    t.step('He says that he is the laptop, with what the laptop said, and answers nothing.');
    await mallory.pretend(laptop, 'mute');
    const attacks: number[] = [];
    for (const kind of ASSAULTS) {
      t.step(`He attacks both while they need a new link: ${kind}.`);
      const { connections } = await mallory.tally();
      await phone.stop();
      await Promise.all([mallory.assault(phone, kind), mallory.assault(laptop, kind)]);
      await phone.start();
      await linked(t, phone, laptop, RECOVERY_MS);
      await elected(t, laptop, [phone], RECOVERY_MS);
      const { pn } = await createUnderAttack(t, phone, laptop);
      await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone] }, RECOVERY_MS);
      await says(t, { from: phone, to: server, text: `under attack, ${kind}`, pnId: pn.pnId });
      attacks.push((await mallory.tally()).connections - connections);
    }
    t.check('he was often faster than the other device', attacks.filter((count) => count > 0).length > 1, attacks.join());
    t.step('He says that he is the phone, and answers with nonsense.');
    await mallory.pretend(phone, 'garbage');
    await laptop.stop();
    await laptop.start();
    await linked(t, phone, laptop, RECOVERY_MS);
    await elected(t, laptop, [phone], RECOVERY_MS);
    const after = await Promise.all([phone, laptop].map(air.memoryOf));
    for (const [at, octets] of after.entries())
      t.check(
        'memory stays within bounds',
        octets - (before[at] ?? 0) < MOST_GROWTH_OCTETS,
        `${Math.round((octets - (before[at] ?? 0)) / 1024 / 1024)} MiB more`,
      );
    t.same('the phone has its PNs', (await status(phone)).pns.length, ASSAULTS.length);
  },
});

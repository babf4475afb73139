import { pnIdText } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { type Household, household, never, PHONE_ID } from './household.js';

/** Deadlines of the server, shorter than usual, so that everything has come to rest soon. */
const QUICK = { acknowledgeTimeoutMs: 60_000, heartbeatMs: 5_000 };
const SOON_MS = 3_000;
const QUIET_MS = 100_000;

/** A household in which something goes wrong. */
export interface Stage {
  readonly home: Household;
  readonly clock: Household['clock'];
  /** By name; a restart puts a new one in the place of the old. */
  readonly devices: Map<EntityId, SimulatedDevice>;
  /** Gives the initiator up. */
  readonly person: AbortController;
  /** What the person at the phone was told: a PN, or the code of an error. */
  told: PnId | string | undefined;
}

/** What goes wrong, and how it is put right a little later. */
export interface Mishap {
  /** Makes it happen at the n-th occasion from now; `happened` is to be called then. */
  arm(stage: Stage, n: number, happened: (what: string) => void): void;
  /** Three seconds after the establishment began. */
  mend?(stage: Stage): Promise<void> | void;
  /** How long it may take until everything has come to rest. */
  readonly quietMs?: number;
}

/** One establishment with a mishap at its n-th occasion. Undefined: there were not so many. */
async function play(mishap: Mishap, n: number) {
  const home = await household({}, { sessions: QUICK });
  const { clock } = home;
  const all = [home.laptop, home.phone, home.board];
  const stage: Stage = {
    home,
    clock,
    devices: new Map(all.map((device) => [device.id, device])),
    person: new AbortController(),
    told: undefined,
  };
  let what: string | undefined;
  mishap.arm(stage, n, (said) => {
    what ??= said;
  });
  home.phone.device.networks
    .establish({ type: 'all' }, undefined, () => {}, stage.person.signal)
    .then(
      ({ record }) => {
        stage.told = pnIdText(record.pnId);
      },
      (error) => {
        stage.told = String(error.code);
      },
    );
  await clock.advance(SOON_MS);
  if (what === undefined) return undefined;
  const { told } = stage;
  await mishap.mend?.(stage);
  await clock.advance(mishap.quietMs ?? QUIET_MS);
  const wrong = disagreements({ server: home.server, devices: [...stage.devices.values()] });
  const pns = home.server.database.reads.pns.ofMember(PHONE_ID).map((pn) => pn.pnId as string);
  if (told?.length === 32 && !pns.includes(told)) wrong.push('what was shown as done is gone');
  const phone = stage.devices.get(PHONE_ID) as SimulatedDevice;
  await clock.run(phone.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never())).catch((error) => {
    wrong.push(`later it does not work: ${error.message}`);
  });
  return { what, wrong, stands: pns.length > 0, told };
}

/** Every establishment with the mishap at each of its occasions, in order. */
export async function everyMoment(mishap: Mishap) {
  const faults: string[] = [];
  const outcomes: { readonly told: string | undefined; readonly stands: boolean }[] = [];
  for (let n = 1; ; n++) {
    const outcome = await play(mishap, n);
    if (outcome === undefined) break;
    const { what, told, stands, wrong } = outcome;
    outcomes.push({ told, stands });
    if (wrong.length > 0) faults.push(`${n}. ${what} (told ${told}): ${wrong.join('; ')}`);
  }
  return { faults, outcomes, moments: outcomes.length, stood: outcomes.filter(({ stands }) => stands).length };
}

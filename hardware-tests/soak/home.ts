import type { Device } from '@cpns/agent';
import type { AdminClient } from '@cpns/server';
import { type Clock, CpnsError, type EntityId, sleep } from '@cpns/shared';
import type { SeededChoices } from '@cpns/shared/testing';
import type { Cable } from './cable.js';
import type { Ledger } from './ledger.js';
import type { Room } from './room.js';
import type { SoakDevice } from './soak-device.js';

const CHANNEL = 'soak';
const STEP_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** Devices stay away for at most so long. */
const MOST_AWAY_MS = 5_000;

export interface HomeOptions {
  readonly gateway: SoakDevice;
  readonly pne: SoakDevice;
  readonly room: Room;
  readonly cable: Cable;
  readonly admin: AdminClient;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly choices: SeededChoices;
  readonly signal: AbortSignal;
}

/** What may happen to a home, and how often, in parts of all. */
const DEEDS = { data: 72, unplug: 8, cutLinks: 5, crashGateway: 4, crashPne: 4, restartGateway: 2, restartPne: 2, anew: 3 } as const;
export type Deed = keyof typeof DEEDS;
const ALL_DEEDS = (Object.keys(DEEDS) as Deed[]).flatMap((deed) => new Array<Deed>(DEEDS[deed]).fill(deed));

/** A PN GW and a PNE of one person: they pair, make a personal network, talk with each other and with the server, and have bad luck. */
export class Home {
  readonly #options: HomeOptions;

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  /** Everybody on, paired, and in a personal network. @throws CpnsError */
  async begin(): Promise<void> {
    await Promise.all([this.#options.gateway.start(), this.#options.pne.start()]);
    await this.#establish();
  }

  /** One deed by chance. Returns which one. @throws CpnsError when it did not succeed; the home lives on */
  async live(): Promise<Deed> {
    const { gateway, pne, room, cable, choices } = this.#options;
    // Where a deed failed half-way, what is missing is made up for.
    if (running(pne).state.pns().length === 0) await this.#establish();
    const deed = choices.pick(ALL_DEEDS);
    switch (deed) {
      case 'data':
        await this.#talk();
        break;
      case 'unplug':
        cable.plug(false);
        await this.#away();
        cable.plug(true);
        break;
      case 'cutLinks':
        room.cutLinks();
        break;
      case 'crashGateway':
      case 'crashPne':
        await this.#absent(deed === 'crashPne' ? pne : gateway, (device) => device.cutPower());
        break;
      case 'restartGateway':
      case 'restartPne':
        await this.#absent(deed === 'restartPne' ? pne : gateway, (device) => device.stop());
        break;
      case 'anew':
        await this.#anew();
    }
    return deed;
  }

  /** Everything that was sent from or to this home has arrived. */
  get isQuiet(): boolean {
    const { ledger, gateway, pne } = this.#options;
    return !ledger.concerns([gateway.id, pne.id]);
  }

  async end(): Promise<void> {
    await Promise.allSettled([this.#options.gateway.stop(), this.#options.pne.stop()]);
    await this.#options.cable.remove();
  }

  /** One message in one of six directions. */
  async #talk(): Promise<void> {
    const { gateway, pne, choices } = this.#options;
    const sender = choices.pick([gateway, pne, undefined]);
    const other = sender === gateway ? pne : gateway;
    if (sender === undefined) await this.#send(undefined, choices.pick([gateway.id, pne.id]));
    else await this.#send(sender, choices.pick([other.id, 'server' as const]));
  }

  async #send(from: SoakDevice | undefined, to: EntityId | 'server'): Promise<void> {
    const { admin, ledger, clock } = this.#options;
    const { number, payload } = ledger.write(from?.id ?? 'server', to, clock.monotonicMs());
    try {
      if (from !== undefined)
        await running(from).messenger.queue({ pnId: undefined, to, channel: CHANNEL, contentType: 'text/plain', payload });
      else {
        const text = Buffer.from(payload).toString('base64');
        await admin.send({ to: to as EntityId, channel: CHANNEL, contentType: 'text/plain', payload: text, waitMs: 0 });
      }
    } catch (error) {
      // It was refused, so nobody was promised anything.
      ledger.withdraw(number);
      throw error;
    }
  }

  async #absent(device: SoakDevice, leave: (device: SoakDevice) => Promise<void>): Promise<void> {
    await leave(device);
    await this.#away();
    await device.start();
  }

  /**
   * The pairing ends and with it the personal network; then both are made again. Not while something is on its way in it, and only where
   * the other device hears of it.
   */
  async #anew(): Promise<void> {
    const { gateway, pne } = this.#options;
    const isCalm = () => this.isQuiet && running(pne).linkTo(gateway.id) !== undefined && running(gateway).uplink.isReady;
    if (!(await this.#until(isCalm, STEP_LIMIT_MS))) return;
    await running(pne).unpair(gateway.id);
    if (!(await this.#until(() => running(gateway).state.pns().length === 0 && running(pne).state.pns().length === 0, STEP_LIMIT_MS)))
      throw new CpnsError('State', 'PnStays', `The personal network of ${gateway.id} did not end with the pairing.`);
    await this.#establish();
  }

  async #establish(): Promise<void> {
    const { gateway, pne, signal } = this.#options;
    if (!running(pne).state.pairings().has(gateway.id)) await pair(running(gateway), running(pne), signal);
    const ready = () => running(pne).roles.assignment.gateway === gateway.id && running(gateway).uplink.isReady;
    if (!(await this.#until(ready, STEP_LIMIT_MS)))
      throw new CpnsError('Timeout', 'NoGateway', `${gateway.id} did not become the PN GW of ${pne.id}.`);
    await running(pne).networks.establish({ type: 'one-to-one' }, undefined, () => {}, signal);
  }

  #away(): Promise<void> {
    const { clock, choices, signal } = this.#options;
    return sleep(clock, choices.below(MOST_AWAY_MS), signal);
  }

  async #until(met: () => boolean, withinMs: number): Promise<boolean> {
    const { clock, signal } = this.#options;
    const endMs = clock.monotonicMs() + withinMs;
    while (!met()) {
      if (clock.monotonicMs() > endMs) return false;
      await sleep(clock, LOOK_EVERY_MS, signal);
    }
    return true;
  }
}

function running({ id, device }: SoakDevice): Device {
  if (device === undefined) throw new CpnsError('State', 'Off', `${id} is off.`);
  return device;
}

/** By code; both people say yes at once. */
async function pair(a: Device, b: Device, signal: AbortSignal): Promise<void> {
  const open = (device: Device, peer: EntityId) =>
    device.pairing.pair(
      { type: 'code', peer },
      undefined,
      (event) => event.type === 'code' && device.pairing.answer(event.attempt, { type: 'yes' }),
      signal,
    );
  await Promise.all([open(a, b.id), open(b, a.id)]);
}

import type { PnCreated } from '@cpns/agent';
import { status } from '../scenarios/acts/look.js';
import { type Actor, ANN } from './cast.js';
import { milliseconds } from './narrator.js';
import { type Outcome, Play } from './play.js';

/** The product's main job from nothing to messages, told step by step. */
export class Story extends Play {
  /** @throws CpnsError whatever goes wrong in the system */
  override async run(): Promise<Outcome> {
    const { tell } = this;
    const { medium } = this.cast;
    const [phone, laptop, board] = (['phone', 'laptop', 'board'] as const).map((name) => this.cast.actor(name)) as [Actor, Actor, Actor];
    await tell.step('The CPNS Server is made and starts: broker, database and enabler in one process.', () => this.startServer());
    await tell.step(`Three devices of "${ANN}" are enrolled: each takes in its code, with a key of its own.`, () => this.enrol());
    await tell.step('Their agents start, each a process of its own.', () => this.startAgents());
    if (medium === 'lan') await tell.step('They notice one another by mDNS, on loopback only.', () => this.notice());
    else await tell.step('They listen and advertise once they have somebody to meet: strangers stay silent.', () => this.probed());
    await tell.step('Laptop and phone pair.', () => this.pair(laptop, phone));
    await tell.step('Laptop and board pair.', () => this.pair(laptop, board));
    const gateway = await tell.step('They tell one another what they are, and assign the PN GW.', () => this.#elect());
    const pnes = this.cast.devices.filter((device) => device !== gateway);
    const [first, second] = pnes as [Actor, Actor];
    const { pn, establishMs } = await tell.step(`${first.agent.id} establishes a personal network of type "All".`, () =>
      this.#establish(first),
    );
    const sessions = await tell.step('Every hop is protected.', () => this.protection(gateway, pn.pnId, pnes));
    await tell.step('Messages.', async () => {
      for (const { agent } of pnes) await this.toServer(agent.id, 'hello server');
      for (const { agent } of pnes) await this.fromServer(agent.id, 'hello device');
      await this.between(first, second, `hello, through ${gateway.agent.id}`);
    });
    return await this.outcome(pn.pnId, sessions, establishMs);
  }

  async #elect(): Promise<Actor> {
    const { devices } = this.cast;
    const gateway = await this.until('a PN GW is assigned and connected', async () => {
      const all = await Promise.all(devices.map(({ agent }) => status(agent)));
      const [chosen] = all.map((one) => one.gateway);
      const agreed = chosen !== undefined && all.every((one) => one.gateway === chosen);
      const connected = all.some((one) => one.id === chosen && one.server.uplink === 'connected');
      return agreed && connected ? devices.find(({ agent }) => agent.id === chosen) : undefined;
    });
    this.tell.detail(`$ cpns-agent peers --explain        (at ${gateway.agent.id})`);
    for (const line of (await gateway.agent.cli('peers', '--explain')).split('\n')) this.tell.detail(`  ${line}`);
    return gateway;
  }

  async #establish({ agent }: Actor): Promise<PnCreated> {
    const created = await agent.request(
      'pn.create',
      { setup: 'all' },
      {
        timeoutMs: 240_000,
        onEvent: (event) => {
          if (event.type === 'step') this.tell.detail(`${event.step} of ${event.of}: ${event.text}`);
        },
      },
    );
    const joined = created.outcomes.filter((outcome) => outcome.joined).map(({ id }) => id);
    this.tell.detail(
      `Personal network ${created.pn.pnId} of ${created.pn.gateway} with ${joined.join(' and ')}`,
      `from PN Setup Request to the stored PN Setup Response: ${milliseconds(created.establishMs)}`,
    );
    return created;
  }
}

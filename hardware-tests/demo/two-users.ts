import type { PnCreated } from '@cpns/agent';
import { network, status } from '../scenarios/acts/look.js';
import type { Actor } from './cast.js';
import { milliseconds } from './narrator.js';
import { type Outcome, Play } from './play.js';

/** Seed 004: a device of one person comes into the personal network of another one, and its owner is asked first. */
export class TwoUsers extends Play {
  /** @throws CpnsError whatever goes wrong in the system */
  override async run(): Promise<Outcome> {
    const { tell } = this;
    const [den, home, phone] = (['den', 'home', 'phone'] as const).map((name) => this.cast.actor(name)) as [Actor, Actor, Actor];
    await tell.step('The CPNS Server is made and starts: broker, database and enabler in one process.', () => this.startServer());
    await tell.step('Ann has a den. Bob has a computer at home and a phone, and a subscription that can be charged.', () => this.enrol());
    await tell.step('Their agents start, each a process of its own.', () => this.startAgents());
    await tell.step('They notice one another by mDNS, on loopback only.', () => this.notice());
    await tell.step('Bob pairs his phone with his home, which becomes his PN GW: in seed 004 it is PN GW #1.', async () => {
      await this.pair(home, phone);
      await this.#becomesGateway(home);
    });
    await tell.step(
      "Bob visits Ann: his phone pairs with her den, PN GW #2. It may talk to it, and is in no network of Ann's.",
      async () => {
        await this.pair(den, phone);
        await this.#becomesGateway(den);
      },
    );
    const creating = this.#establish(den, phone);
    creating.catch(() => {});
    await tell.step("Ann asks at her den for a personal network with Bob's phone.", async () => {
      tell.detail(`$ cpns-agent pn create --with ${phone.agent.id}        (at ${den.agent.id})`);
      await this.until('Bob is asked', async () => (await home.agent.request('consent.list', {})).consents.length > 0);
      tell.detail("The phone has agreed and has proven to the server that it is Bob's (steps 1 to 7).");
      tell.detail('Whose phone it is the server knows. Before anything is registered it asks Bob, at his own PN GW (step 8).');
    });
    await tell.step('Bob reads the question at home.', () => this.#typed(home, 'confirm', 'list'));
    await tell.step('He says yes: it is his, and he may be charged (step 9).', () => this.#typed(home, 'confirm', 'accept'));
    const { pn, establishMs } = await tell.step('The personal network stands (steps 10 to 13).', async () => {
      const created = await creating;
      tell.detail(
        `${created.pn.pnId} of ${den.agent.id} with ${phone.agent.id}; with Bob's answer it took ${milliseconds(created.establishMs)}`,
      );
      await this.until("Bob's phone has it", async () => (await network(phone.agent, created.pn.pnId)) !== undefined);
      return created;
    });
    const sessions = await tell.step('Every hop is protected.', () => this.protection(den, pn.pnId, [phone]));
    await tell.step('Messages.', async () => {
      await this.toServer(phone.agent.id, "hello, through Ann's den");
      await this.between(den, phone, 'welcome');
    });
    await tell.step('The server has written down who pays.', async () => {
      const { events } = await this.cast.admin.charging({});
      tell.detail('$ cpns-server charging export');
      for (const event of events) tell.detail(`  ${JSON.stringify(event)}`);
    });
    return await this.outcome(pn.pnId, sessions, establishMs);
  }

  #establish(den: Actor, phone: Actor): Promise<PnCreated> {
    return den.agent.request('pn.create', { setup: 'named', pnes: [phone.agent.id] }, { timeoutMs: 240_000 });
  }

  async #becomesGateway({ agent }: Actor): Promise<void> {
    await this.until(`${agent.id} is PN GW`, async () => {
      const { mode, server } = await status(agent);
      return mode === 'PN GW' && server.uplink === 'connected';
    });
  }

  async #typed({ agent }: Actor, ...words: readonly string[]): Promise<void> {
    this.tell.detail(`$ cpns-agent ${words.join(' ')}        (at ${agent.id})`);
    for (const line of (await agent.cli(...words)).trimEnd().split('\n')) this.tell.detail(`  ${line}`);
  }
}

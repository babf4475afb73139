import type { HopReport } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, type PnId, sleep, withDeadline } from '@cpns/shared';
import { network, peerOf, status } from '../scenarios/acts/look.js';
import { pairByCode } from '../scenarios/acts/pair.js';
import { type Actor, BOB, type Cast } from './cast.js';
import { milliseconds, type Narrator } from './narrator.js';

const LONGEST_WAIT_MS = 30_000;
const LOOK_EVERY_MS = 20;
const CHANNEL = 'demo';

/** What the demo has to show, as read from the running system. */
export interface Outcome {
  readonly pnId: PnId;
  readonly gateway: EntityId;
  /** The PNEs, as the server has them. */
  readonly members: readonly EntityId[];
  /** The hops between PNEs and PN GW, as the PN GW has them. */
  readonly sessions: readonly Pick<HopReport, 'pne' | 'protectedBy' | 'forwardSecret'>[];
  readonly establishMs: number;
  /** Messages that their addressee has stored, answered and shown. */
  readonly delivered: number;
}

/** What every story of the demo is made of. */
export abstract class Play {
  protected readonly cast: Cast;
  protected readonly tell: Narrator;
  readonly #clock: Clock;
  #delivered = 0;

  constructor(cast: Cast, tell: Narrator, clock: Clock) {
    this.cast = cast;
    this.tell = tell;
    this.#clock = clock;
  }

  /** @throws CpnsError whatever goes wrong in the system */
  abstract run(): Promise<Outcome>;

  /** What there is to show of a PN in the end. */
  protected async outcome(pnId: PnId, sessions: Outcome['sessions'], establishMs: number): Promise<Outcome> {
    const { gateway, members } = await this.cast.admin.showPn(pnId);
    return {
      pnId,
      gateway,
      members: members.map(({ entityId }) => entityId).filter((id) => id !== gateway),
      sessions,
      establishMs: Math.round(establishMs * 10) / 10,
      delivered: this.#delivered,
    };
  }

  protected async startServer(): Promise<void> {
    const { serverId, publicAddress, adminUrl } = await this.cast.startServer();
    this.tell.detail(`"${serverId}" waits for devices at ${publicAddress} (MQTT over TLS-PSK); admin API at ${adminUrl}`);
  }

  /** Every device takes in the code that the operator gives out for its user. */
  protected async enrol(): Promise<void> {
    const { admin, devices } = this.cast;
    for (const user of new Set(devices.map((device) => device.user)))
      await admin.addUser({ userId: user, services: ['pn-gw'], chargeable: user === BOB });
    await Promise.all(
      devices.map(async ({ agent, profile, user }) => {
        const { code, kid } = await admin.addDevice({ entityId: agent.id, userId: user });
        await agent.enrol(code);
        const { power, batteryPercent, cores, memoryMiB = 0 } = profile;
        const supply = power === 'battery' ? `battery at ${batteryPercent} %` : 'mains';
        this.tell.detail(`${agent.id.padEnd(10)} of ${user}: key ${kid}, ${supply}, ${cores} cores, ${memoryMiB / 1024} GiB`);
      }),
    );
  }

  protected async startAgents(): Promise<void> {
    await Promise.all(this.cast.devices.map(({ agent }) => agent.start()));
    for (const { agent, bluetooth } of this.cast.devices) {
      const { pan } = await status(agent);
      const where =
        bluetooth === undefined ? `can be dialled at ${pan.flatMap(({ addresses }) => addresses)[0]}` : `has adapter ${bluetooth}`;
      this.tell.detail(`${agent.id.padEnd(10)} ${where}`);
    }
  }

  protected async notice(): Promise<void> {
    const { devices } = this.cast;
    for (const one of devices) {
      for (const other of devices) {
        if (other === one) continue;
        await this.until(`${one.agent.id} notices ${other.agent.id}`, async () => (await peerOf(one.agent, other.agent)) !== undefined);
      }
    }
    await this.probed();
  }

  protected async probed(): Promise<void> {
    const { devices } = this.cast;
    await this.until('all know whether they reach the server', async () =>
      (await Promise.all(devices.map(({ agent }) => status(agent)))).every(({ server }) => server.probe !== undefined),
    );
  }

  protected async pair(one: Actor, other: Actor): Promise<void> {
    const { first, second } = await pairByCode(one.agent, other.agent, {
      onEvent: (at, event) => {
        if (event.type === 'code') this.tell.detail(`${at.id.padEnd(10)} shows ${event.code.slice(0, 3)} ${event.code.slice(3)}`);
      },
    });
    if (first.code !== second.code) throw new CpnsError('Internal', 'CodesDiffer', 'The two devices did not compare the same code.');
    this.tell.detail('At each somebody has typed what the other one shows: paired.');
  }

  protected async protection(gateway: Actor, pnId: PnId, pnes: readonly Actor[]): Promise<Outcome['sessions']> {
    const hops = await this.until('every hop is up', async () => {
      const pn = await network(gateway.agent, pnId);
      const up = pn?.hops.filter((hop) => hop.up) ?? [];
      return up.length === pnes.length ? up : undefined;
    });
    for (const { agent } of pnes) {
      await this.until(`${agent.id} has a session with the server`, async () => (await network(agent, pnId))?.serverSession.up === true);
    }
    return hops.map(({ pne, protectedBy, forwardSecret }) => {
      this.tell.detail(`${pne} to ${gateway.agent.id}: protected by ${protectedBy}${forwardSecret ? ', forward secret' : ''}`);
      return { pne, protectedBy, forwardSecret };
    });
  }

  protected async toServer(from: EntityId, text: string): Promise<void> {
    const { agent } = this.actor(from);
    const payload = base64(text);
    const { messageId, afterMs } = await agent.request('send', {
      to: { kind: 'server' },
      channel: CHANNEL,
      payload,
      waitMs: LONGEST_WAIT_MS,
    });
    await this.until('the server shows the message', async () =>
      this.cast.atServer.some((item) => item.kind === 'data' && item.messageId === messageId && item.payload === payload),
    );
    this.arrived(from, 'server', text, afterMs);
  }

  protected async fromServer(to: EntityId, text: string): Promise<void> {
    const message = { to, channel: CHANNEL, contentType: 'text/plain', payload: base64(text), waitMs: LONGEST_WAIT_MS };
    const { messageId, state } = await this.cast.admin.send(message);
    if (state !== 'delivered') throw new CpnsError('Timeout', 'NotDelivered', `${to} did not answer the server's message.`);
    await this.shown(this.actor(to), messageId);
    this.arrived('server', to, text);
  }

  protected async between({ agent }: Actor, to: Actor, text: string): Promise<void> {
    const target = { kind: 'entity' as const, id: to.agent.id };
    const { messageId, afterMs } = await agent.request('send', {
      to: target,
      channel: CHANNEL,
      payload: base64(text),
      waitMs: LONGEST_WAIT_MS,
    });
    await this.shown(to, messageId);
    this.arrived(agent.id, to.agent.id, text, afterMs);
  }

  /** The addressee has shown the message to whoever watches there. */
  protected async shown({ agent }: Actor, messageId: string): Promise<void> {
    await this.until(`${agent.id} shows the message`, async () =>
      agent.heard.some((event) => event.type === 'message' && event.messageId === messageId),
    );
  }

  protected arrived(from: string, to: string, text: string, afterMs?: number): void {
    this.#delivered++;
    const time = afterMs === undefined ? '' : ` (stored and answered in ${milliseconds(afterMs)})`;
    this.tell.detail(`${from} to ${to}: "${text}"${time}`);
  }

  protected actor(id: EntityId): Actor {
    const actor = this.cast.devices.find(({ agent }) => agent.id === id);
    if (actor === undefined) throw new CpnsError('Internal', 'NoSuchDevice', `${id} is none of the devices of this demo.`);
    return actor;
  }

  /** Waits until `look` finds something. @throws CpnsError Timeout */
  protected until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
    const wait = async (signal: AbortSignal): Promise<T> => {
      for (;;) {
        const found = await look();
        if (found !== undefined && found !== false) return found;
        await sleep(this.#clock, LOOK_EVERY_MS, signal);
      }
    };
    return withDeadline(this.#clock, LONGEST_WAIT_MS, undefined, wait, `It did not happen within ${LONGEST_WAIT_MS / 1000} s: ${what}.`);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

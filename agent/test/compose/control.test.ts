import { SystemClock } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../src/control/api/logs.js';
import { thisHost } from '../../src/device/host.js';
import { ComposedAgent } from '../support/composed-agent.js';
import { pairedNeighbours } from '../support/pairing.js';

/** The time of this computer, of which a test can let a minute pass at once. */
class HurriedClock extends SystemClock {
  readonly #minutes: (() => void)[] = [];

  override after(delayMs: number, action: () => void): () => void {
    if (delayMs !== 60_000) return super.after(delayMs, action);
    this.#minutes.push(action);
    return () => {
      const at = this.#minutes.indexOf(action);
      if (at >= 0) this.#minutes.splice(at, 1);
    };
  }

  minutePasses(): void {
    for (const action of this.#minutes.splice(0)) action();
  }
}

const text = (words: string) => Buffer.from(words).toString('base64');

describe('the control API over a device', () => {
  it.each([
    ['a personal network without a PN GW', 'pn.create', { setup: 'all' }, 'NoGateway', /^No PN GW is linked: /],
    ['a personal network that there is not', 'pn.show', { pnId: '0'.repeat(32) }, 'UnknownPn', /cpns-agent pn show$/],
    ['a message without a personal network', 'send', { to: { kind: 'server' }, payload: text('x') }, 'NotInPn', /cpns-agent pn create/],
    ['an answer to what nobody asked', 'consent.accept', { consentId: 'k7mp' }, 'NoSuchConsent', /cpns-agent consent list/],
    ['an answer to no attempt', 'pair.answer', { attempt: 1, answer: { type: 'yes' } }, 'NoSuchAttempt', /is over/],
    ['the end of a pairing that there is not', 'unpair', { peer: 'phone-1' }, 'NotPaired', /cpns-agent peers/],
    [
      'a channel that no message can name',
      'send',
      { to: { kind: 'server' }, payload: '', channel: 'a b' },
      'BadParams',
      /^channel: must be 1 to 32/,
    ],
  ] as const)('refuses %s', async (_what, method, params, code, sentence) => {
    const agent = await ComposedAgent.running();
    await expect(agent.client.request(method, params as never)).rejects.toMatchObject({ code, message: expect.stringMatching(sentence) });
  });

  it('has nothing to show at first', async () => {
    const agent = await ComposedAgent.running();
    expect(await agent.client.request('pn.show', {})).toEqual({ pns: [] });
    expect(await agent.client.request('consent.list', {})).toEqual({ consents: [] });
  });

  it('shows the log of every level, past and present', async () => {
    const agent = await ComposedAgent.running({ config: { rest: 'log: { level: error }' } });
    const lines: LogLine[] = [];
    const stop = new AbortController();
    let followed = () => {};
    const present = new Promise<void>((resolve) => {
      followed = resolve;
    });
    const following = agent.client
      .request(
        'logs',
        { level: 'notice', last: 1, follow: true },
        {
          signal: stop.signal,
          timeoutMs: Number.POSITIVE_INFINITY,
          onEvent: (line) => {
            lines.push(line);
            if (line.message === 'the state was reset') followed();
          },
        },
      )
      .catch(() => {});
    await agent.client.request('reset', {});
    await present;
    stop.abort();
    await following;
    expect(lines[0]).toMatchObject({ level: 'notice', component: 'agent', message: 'the agent runs', fields: { id: agent.id } });
    expect(lines.every(({ level }) => ['notice', 'warn', 'error'].includes(level))).toBe(true);
    expect(agent.log).toBe('');
  });

  it('looks again at what the device has, and tells its peers what changed', async () => {
    const clock = new HurriedClock();
    let cores = 2;
    const host = Object.defineProperty({ ...thisHost() }, 'cores', { get: () => cores });
    const [a, b] = await pairedNeighbours({ clock, host });
    const coresSeen = async () => (await b.peer(a.id, true))?.score?.lines.find(({ what }) => what === 'processor cores')?.value;
    await b.until(async () => (await coresSeen()) === '2');
    cores = 6;
    clock.minutePasses();
    while ((await coresSeen()) !== '6') await new Promise((resolve) => setImmediate(resolve));
  });
});

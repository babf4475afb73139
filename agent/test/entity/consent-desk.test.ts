import { entityId, type PnId } from '@cpns/shared';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { ConsentDesk, type ConsentPolicy } from '../../src/entity/consent-desk.js';
import type { Happening } from '../../src/entity/device-context.js';

const question = (n = 1, initiator = 'phone', gateway = 'laptop') => ({
  pnId: n.toString(16).padStart(32, '0') as PnId,
  initiator: entityId(initiator),
  gateway: entityId(gateway),
});

function desk(policy: ConsentPolicy = 'ask') {
  const clock = new VirtualClock();
  const happenings: Happening[] = [];
  const limits = { openPrompts: 1, promptsPer10MinPerInitiator: 3, consentTimeoutMs: 60_000 };
  const entropy = new InsecureSeededEntropy('desk');
  return { clock, happenings, desk: new ConsentDesk({ clock, entropy, policy, limits, happened: (what) => happenings.push(what) }) };
}
const gone = () => new AbortController();

describe('consent', () => {
  it.each([
    ['always', true],
    ['same-user', true],
    ['never', false],
  ] as const)('by the policy %s is %s without a person', async (policy, yes) => {
    const { desk: own, happenings } = desk(policy);
    expect(await own.ask(question(), gone().signal)).toBe(yes);
    expect(happenings).toEqual([]);
  });

  it('is what the person says', async () => {
    for (const yes of [true, false]) {
      const { desk: own, clock } = desk();
      const asked = own.ask(question(), gone().signal);
      const [open] = own.list();
      expect(open).toMatchObject({ initiator: 'phone', gateway: 'laptop' });
      own.answer(open?.consentId ?? '', yes);
      expect(await asked).toBe(yes);
      expect([own.list(), clock.pending]).toEqual([[], 0]);
      expect(() => own.answer(open?.consentId ?? '', yes)).toThrow('consent list');
    }
  });

  it('is refused when nobody answers in 60 s, when the gateway is gone, and when nobody wants it any more', async () => {
    const { desk: own, clock, happenings } = desk();
    const link = gone();
    const silence = own.ask(question(1), link.signal);
    await clock.advance(60_000);
    expect(await silence).toBe(false);
    const lost = own.ask(question(2), link.signal);
    link.abort();
    expect(await lost).toBe(false);
    expect(await own.ask(question(3), link.signal)).toBe(false);
    const withdrawn = own.ask(question(4), gone().signal);
    own.withdraw(question(4).pnId, entityId('another'));
    expect(own.list()).toHaveLength(1);
    own.withdraw(question(4).pnId, entityId('laptop'));
    expect(await withdrawn).toBe(false);
    expect(happenings.filter((what) => what.type === 'consent-over')).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('is asked for once at a time', () => {
    const { desk: own } = desk();
    void own.ask(question(1), gone().signal);
    expect(() => own.ask(question(2, 'watch', 'board'), gone().signal)).toThrow('open already');
  });

  it('is asked for three times in ten minutes by one initiator', async () => {
    const { desk: own, clock } = desk();
    const ask = (n: number) => {
      const asked = own.ask(question(n), gone().signal);
      own.answer(own.list()[0]?.consentId ?? '', false);
      return asked;
    };
    for (const n of [1, 2, 3]) await ask(n);
    expect(() => ask(4)).toThrow('too often');
    await clock.advance(200_000);
    await ask(5);
    expect(() => ask(6)).toThrow('too often');
  });

  it('is asked for nine times in ten minutes by one gateway, whatever initiators it names', async () => {
    const { desk: own } = desk();
    const ask = (n: number) => {
      const asked = own.ask(question(n, `stranger-${n}`), gone().signal);
      own.answer(own.list()[0]?.consentId ?? '', false);
      return asked;
    };
    for (let n = 1; n <= 9; n++) await ask(n);
    expect(() => ask(10)).toThrow('too often');
  });

  it('of one initiator is not refused because another one, or another gateway in its name, asked too often', async () => {
    const { desk: own } = desk();
    const ask = (n: number, initiator: string, gateway: string) => {
      const asked = own.ask(question(n, initiator, gateway), gone().signal);
      own.answer(own.list()[0]?.consentId ?? '', false);
      return asked;
    };
    for (let n = 1; n <= 3; n++) await ask(n, 'phone', 'laptop');
    for (let n = 4; n <= 40; n++) expect(() => ask(n, 'phone', 'laptop')).toThrow('too often');
    await ask(41, 'watch', 'laptop');
    await ask(42, 'phone', 'board');
  });
});

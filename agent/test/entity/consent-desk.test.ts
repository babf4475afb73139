import { entityId, type PnId, type SgId, userId } from '@cpns/shared';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { ConsentDesk, type ConsentPolicies, type ConsentQuestion, sentenceOf } from '../../src/entity/consent-desk.js';
import type { Happening } from '../../src/entity/device-context.js';

const question = (n = 1, initiator = 'phone', gateway = 'laptop'): ConsentQuestion => ({
  kind: 'invitation',
  pnId: n.toString(16).padStart(32, '0') as PnId,
  initiator: entityId(initiator),
  gateway: entityId(gateway),
});

const confirmation = (pne = 'phone', gateway = 'laptop', paired = true): ConsentQuestion => ({
  kind: 'confirm',
  pnId: '0'.repeat(32) as PnId,
  pne: entityId(pne),
  gateway: entityId(gateway),
  gatewayUser: userId('bob'),
  paired,
});
const admission = (pne = 'phone'): ConsentQuestion => ({
  kind: 'admit',
  pnId: '0'.repeat(32) as PnId,
  pne: entityId(pne),
  gateway: entityId('home'),
});

const about = { sgId: '9'.repeat(32) as SgId, name: 'kitchen' };
const intoGroup = (sameUser = false): ConsentQuestion => ({ kind: 'group', initiator: entityId('phone'), sameUser, ...about });
const ownership = (sameUser = false, owner: string | undefined = 'phone'): ConsentQuestion => ({
  kind: 'group-owner',
  owner: owner === '' ? undefined : entityId(owner),
  sameUser,
  ...about,
});
const groupAdmission: ConsentQuestion = { kind: 'group-admit', pne: entityId('phone'), sameUser: false, ...about };

function desk(policies: Partial<ConsentPolicies> = {}, ui = true) {
  const clock = new VirtualClock();
  const happenings: Happening[] = [];
  const limits = { openPrompts: 1, promptsPer10MinPerInitiator: 3, consentTimeoutMs: 60_000 };
  const entropy = new InsecureSeededEntropy('desk');
  const all = { consent: 'ask', confirm: 'ask', admit: 'ask', ...policies } as const;
  return {
    clock,
    happenings,
    desk: new ConsentDesk({ clock, entropy, policies: all, ui, limits, happened: (what) => happenings.push(what) }),
  };
}
const gone = () => new AbortController();

describe('consent', () => {
  it.each([
    [{ consent: 'always' }, question(), true],
    [{ consent: 'same-user' }, question(), true],
    [{ consent: 'never' }, question(), false],
    [{ confirm: 'paired' }, confirmation(), true],
    [{ confirm: 'paired' }, confirmation('phone', 'laptop', false), false],
    [{ confirm: 'never' }, confirmation(), false],
    [{ admit: 'always' }, admission(), true],
    [{ admit: 'never' }, admission(), false],
    [{ consent: 'always' }, intoGroup(), true],
    [{ consent: 'same-user' }, intoGroup(true), true],
    [{ consent: 'same-user' }, intoGroup(), false],
    [{ consent: 'never' }, intoGroup(true), false],
    [{ consent: 'same-user' }, ownership(true), true],
    [{ consent: 'same-user' }, ownership(), false],
    [{ admit: 'always' }, groupAdmission, true],
    [{ admit: 'never' }, groupAdmission, false],
  ] as const)('by the policy %j is, without a person, for %j: %s', async (policies, asked, yes) => {
    const { desk: own, happenings } = desk(policies);
    expect(await own.ask(asked, gone().signal)).toBe(yes);
    expect(happenings).toEqual([]);
  });

  it('by the policy auto is asked for where a person can be asked; elsewhere only the own user is let in', async () => {
    const auto = { consent: 'auto', confirm: 'auto', admit: 'auto' } as const;
    const all = [question(), confirmation(), admission(), intoGroup(), groupAdmission, ownership()];
    const [asking, silent] = [desk(auto, true).desk, desk(auto, false).desk];
    for (const one of all) void asking.ask(one, gone().signal);
    expect(asking.list().map(({ kind }) => kind)).toEqual(all.map(({ kind }) => kind));
    expect(await Promise.all(all.map((one) => silent.ask(one, gone().signal)))).toEqual([true, false, false, false, false, false]);
  });

  it('says in its words who wants what', () => {
    expect([question(), question(1, 'laptop'), confirmation(), admission()].map(sentenceOf)).toEqual([
      'laptop asks, for phone, this device into a personal network',
      'laptop asks this device into a personal network',
      'phone wants into a personal network of bob at laptop: is it yours, and may it be charged to you',
      'phone, of another user, wants into a personal network of this device',
    ]);
    expect([intoGroup(), groupAdmission, ownership(), ownership(true, '')].map(sentenceOf)).toEqual([
      'phone asks this device into service group "kitchen"',
      'phone, of another user, wants into service group "kitchen" of this device',
      'phone wants this device to own service group "kitchen"',
      'service group "kitchen" has no owner any more: shall it be this device',
    ]);
    const { desk: own, happenings } = desk();
    void own.ask(confirmation(), gone().signal);
    expect(happenings[0]?.text).toMatch(/cpns-agent confirm accept [2-9a-z]{4}$/);
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
      expect(() => own.answer(open?.consentId ?? '', yes)).toThrow('is over: ');
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
    const fourth = '4'.padStart(32, '0') as PnId;
    const withdrawn = own.ask(question(4), gone().signal);
    own.withdraw(fourth, entityId('another'));
    expect(own.list()).toHaveLength(1);
    own.withdraw(fourth, entityId('laptop'));
    expect(await withdrawn).toBe(false);
    expect(happenings.filter((what) => what.type === 'consent-over')).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('of one kind is asked for once at a time', () => {
    const { desk: own } = desk();
    for (const one of [question(1), confirmation(), admission()]) void own.ask(one, gone().signal);
    for (const one of [question(2, 'watch', 'board'), confirmation('watch', 'board'), admission('watch')]) {
      expect(() => own.ask(one, gone().signal)).toThrow('open already');
    }
    expect(own.list()).toHaveLength(3);
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

describe('an answer that comes too late', () => {
  it('hears why the question is over, of the last 16', async () => {
    const { desk: at, happenings, clock } = desk();
    const late = (consentId: string) => () => at.answer(consentId, true);
    const ids: string[] = [];
    for (let i = 0; i < 17; i++) {
      const asker = gone();
      const asked = at.ask(question(i), asker.signal);
      const last = happenings.at(-1);
      if (last?.type === 'consent-asked') ids.push(last.consentId);
      asker.abort();
      expect(await asked).toBe(false);
      await clock.advance(600_000);
    }
    const [first, second] = ids as [string, string];
    expect(late(second)).toThrow(`The question ${second} is over: nobody waits for the answer any more. This answer changes nothing.`);
    expect(late(first)).toThrow(`Nothing is asked under "${first}"`);
  });
});

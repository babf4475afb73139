import type { PairingReport, PairingRequest } from '@cpns/agent';
import { Secret } from '@cpns/shared/security';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { type SimulatedDevice, simulatedDevice } from '../../rigs/simulation/device.js';

/** What a person does when a code is shown: the other device's code is at hand. */
type Person = (own: string, other: string | undefined) => 'yes' | 'no' | 'silent';
const compares: Person = (own, other) => (own === other ? 'yes' : 'no');
const trusts: Person = () => 'yes';

async function couple() {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  return { clock, air, a: await simulatedDevice('aaa', { air, clock }), b: await simulatedDevice('bbb', { air, clock }) };
}
type Couple = Awaited<ReturnType<typeof couple>>;

function open(
  { clock }: Couple,
  { device }: SimulatedDevice,
  request: PairingRequest,
  codes: Map<string, string>,
  self: string,
  person: Person,
) {
  let link: Extract<PairingReport, { type: 'link' }> | undefined;
  const report = (event: PairingReport) => {
    if (event.type === 'link') link = event;
    if (event.type !== 'code') return;
    codes.set(self, event.code);
    // A person looks at both displays.
    clock.after(500, () => {
      const other = [...codes].find(([name]) => name !== self)?.[1];
      const word = person(event.code, other);
      try {
        if (word !== 'silent') device.pairing.answer(event.attempt, { type: word });
      } catch {
        // The attempt is over already.
      }
    });
  };
  const outcome = device.pairing.pair(request, 30_000, report, new AbortController().signal).then(
    () => 'paired',
    (error) => String(error.code),
  );
  return { outcome, link: () => link };
}

async function pairByCode(stage: Couple, atA: Person, atB: Person) {
  const { clock, a, b } = stage;
  const codes = new Map<string, string>();
  const outcomes = [
    open(stage, a, { type: 'code', peer: b.id }, codes, 'a', atA).outcome,
    open(stage, b, { type: 'code', peer: a.id }, codes, 'b', atB).outcome,
  ];
  const told = await clock.run(Promise.all(outcomes), 120_000);
  await clock.advance(20_000);
  return { told, codes };
}

const kept = ({ a, b }: Couple) => [a, b].map(({ device }) => device.state.pairings().size);

/** Changes one octet, `fromEnd` octets before the end, of the n-th clear frame of a pairing. Returns whether there was one. */
function tamper({ air }: Couple, n: number, fromEnd: number) {
  let seen = 0;
  air.hook = ({ octets }) => {
    if (octets[0] !== 0 || ++seen !== n) return octets;
    return octets.map((octet, i) => (i === octets.length - 1 - fromEnd ? octet ^ 1 : octet));
  };
  return () => seen >= n;
}

describe('T22 man in the middle at pairing, guessing the code, replaying a link, swapping pk or ID after commit, one-sided confirm', () => {
  it('without an attacker two people who compare are paired', async () => {
    const stage = await couple();
    expect((await pairByCode(stage, compares, compares)).told).toEqual(['paired', 'paired']);
    expect(kept(stage)).toEqual([1, 1]);
  });

  // Frames: commit; pk_B, r_B; pk_A, r_A; confirm A; confirm B.
  it.each(
    [1, 2, 3, 4, 5].flatMap((frame) => [
      [frame, 0],
      [frame, 40],
    ]),
  )('altered on the way (frame %i, %i octets before its end), nobody gets a key that the other has not', async (frame, fromEnd) => {
    for (const person of [compares, trusts]) {
      const stage = await couple();
      const happened = tamper(stage, frame, fromEnd);
      await pairByCode(stage, person, person);
      expect(happened()).toBe(true);
      const keys = [stage.a, stage.b].map(({ device }) =>
        [...device.state.pairings().values()].map(({ kPair }) => Buffer.from(kPair).toString('hex')),
      );
      expect(keys[0]).toEqual(keys[1]);
    }
  });

  it('with other keys in the middle both displays differ, and a person who compares pairs nobody', async () => {
    const stage = await couple();
    // pk_A, r_A or pk_B, r_B is swapped after the commitment.
    tamper(stage, 2, 0);
    const { told, codes } = await pairByCode(stage, compares, compares);
    expect(codes.get('a')).not.toBe(codes.get('b'));
    expect(told).not.toContain('paired');
    expect(kept(stage)).toEqual([0, 0]);
  });

  it.each<[string, Person, Person]>([
    ['only A says yes', trusts, () => 'no'],
    ['only B says yes', () => 'no', trusts],
    ['A says yes and B nothing', trusts, () => 'silent'],
    ['B says yes and A nothing', () => 'silent', trusts],
  ])('confirmed on one side only, nothing is kept on either: %s', async (_who, atA, atB) => {
    const stage = await couple();
    expect((await pairByCode(stage, atA, atB)).told).not.toContain('paired');
    expect(kept(stage)).toEqual([0, 0]);
  });

  it('who guesses the code has five attempts in a window', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    let guesses = 0;
    const guessing = a.device.pairing
      .pair(
        { type: 'code', peer: b.id },
        undefined,
        (event) => {
          if (event.type !== 'code') return;
          guesses++;
          const code = String((Number(event.code) + guesses) % 1_000_000).padStart(6, '0');
          clock.after(10, () => a.device.pairing.answer(event.attempt, { type: 'code', code }));
        },
        new AbortController().signal,
      )
      .catch((error) => error.code as string);
    const other = b.device.pairing
      .pair(
        { type: 'code', peer: a.id },
        undefined,
        (event) => {
          if (event.type === 'code') clock.after(5, () => b.device.pairing.answer(event.attempt, { type: 'yes' }));
        },
        new AbortController().signal,
      )
      .catch((error) => error.code as string);
    await clock.run(Promise.all([guessing, other]), 300_000);
    expect(guesses).toBeGreaterThan(0);
    expect(guesses).toBeLessThanOrEqual(5);
    expect(kept(stage)).toEqual([0, 0]);
  });

  it('a link that was used once is good for nobody else, nor is one without its token', async () => {
    const stage = await couple();
    const { clock, air, a, b } = stage;
    const thief = await simulatedDevice('thief', { air, clock });
    const take = (device: SimulatedDevice, link: Extract<PairingRequest, { type: 'take-link' }>['link']) =>
      open(stage, device, { type: 'take-link', peer: b.id, addresses: [b.id], link }, new Map(), device.id, trusts).outcome;
    const shown = open(stage, b, { type: 'show-link' }, new Map(), 'b', trusts);
    await clock.advance(10);
    const invitation = shown.link()?.invitation;
    if (invitation === undefined) throw new Error('no link');
    const copy = (token: Uint8Array, pkHash = invitation.pkHash.slice()) => ({ pkHash, token: new Secret('token', token) });
    const spent = copy(invitation.token.reveal());
    const used = copy(invitation.token.reveal());
    expect(await clock.run(take(thief, copy(new Uint8Array(16))), 60_000)).not.toBe('paired');
    expect(await clock.run(Promise.all([take(a, used), shown.outcome]))).toEqual(['paired', 'paired']);
    expect(await clock.run(take(thief, spent), 60_000)).not.toBe('paired');
    // Another link, the old token.
    const again = open(stage, b, { type: 'show-link' }, new Map(), 'b', trusts);
    await clock.advance(10);
    const replayed = copy(spent.token.reveal(), again.link()?.invitation.pkHash.slice());
    expect(await clock.run(take(thief, replayed), 60_000)).not.toBe('paired');
    expect(await clock.run(again.outcome, 120_000)).not.toBe('paired');
    expect([...b.device.state.pairings().keys()]).toEqual(['aaa']);
  });
});

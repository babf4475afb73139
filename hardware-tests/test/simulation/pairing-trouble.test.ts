import type { PairingReport, PairingRequest } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { clearFrame, encodeEnvelope, pairing1 } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { pairByCode, type SimulatedDevice, type SimulatedDeviceOptions, simulatedDevice } from '../../rigs/simulation/device.js';

type Code = Extract<PairingReport, { type: 'code' }>;

/** Two devices that are not paired; `aaa` has the lower id and dials. */
async function couple(options: Partial<Record<'aaa' | 'bbb', Partial<SimulatedDeviceOptions>>> = {}) {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const start = (name: 'aaa' | 'bbb', more: Partial<SimulatedDeviceOptions> = {}) =>
    simulatedDevice(name, { air, clock, ...options[name], ...more });
  return { clock, air, start, a: await start('aaa'), b: await start('bbb') };
}
type Couple = Awaited<ReturnType<typeof couple>>;

/** Opens the window of a device. `onCode`: what its person does when a code is shown. */
function open(
  { clock }: Pick<Couple, 'clock'>,
  { device }: SimulatedDevice,
  request: PairingRequest,
  onCode: (code: Code) => void = (code) => clock.after(10, () => device.pairing.answer(code.attempt, { type: 'yes' })),
  signal: AbortSignal = new AbortController().signal,
) {
  const reports: PairingReport[] = [];
  const outcome = device.pairing
    .pair(
      request,
      undefined,
      (event) => {
        reports.push(event);
        if (event.type === 'code') onCode(event);
      },
      signal,
    )
    .then(
      (paired) => ({ paired: paired.peer as string, replaced: paired.replaced }),
      (error) => ({ code: error.code as string, message: error.message as string }),
    );
  return { outcome, reports };
}

const withPeer = (peer: SimulatedDevice): PairingRequest => ({ type: 'code', peer: peer.id });
const pairedOf = (...devices: SimulatedDevice[]) => devices.map(({ device }) => [...device.state.pairings().keys()]);

/** Somebody in the room who may dial. */
async function attacker({ air }: Couple, id = 'mallory') {
  const technology = air.technology(id as EntityId);
  await technology.start({ sighted: () => {}, lost: () => {}, accepted: () => {}, problem: () => {} });
  return async (to: EntityId) => {
    const link = await technology.dial([to], new AbortController().signal);
    let closed = false;
    link.open({
      frame: () => {},
      closed: () => {
        closed = true;
      },
    });
    const begin = () =>
      link.send(
        clearFrame(encodeEnvelope(pairing1, new Uint8Array(16), id as EntityId, { version: 1, suite: 1, commit: new Uint8Array(32) })),
      );
    return { begin, closed: () => closed, close: () => link.close('enough') };
  };
}

describe('pairing by code', () => {
  it('keeps nothing when a wrong code is typed, and says so on both sides', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const wrong = open(stage, a, withPeer(b), ({ attempt, code }) => {
      clock.after(10, () => a.device.pairing.answer(attempt, { type: 'code', code: code === '000000' ? '000001' : '000000' }));
    });
    const right = open(stage, b, withPeer(a));
    expect(await clock.run(wrong.outcome)).toMatchObject({ code: 'PairingRefused' });
    expect(await clock.run(right.outcome)).toMatchObject({ code: 'PairingWindowClosed' });
    expect(right.reports.some((event) => event.type === 'attempt-failed')).toBe(true);
    expect(pairedOf(a, b)).toEqual([[], []]);
    expect(a.device.linkedPeers()).toEqual([]);
  });

  it('takes the right code when it is typed', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const typed = open(stage, a, withPeer(b), ({ attempt, code }) => {
      clock.after(10, () => a.device.pairing.answer(attempt, { type: 'code', code }));
    });
    const other = open(stage, b, withPeer(a));
    expect(await clock.run(typed.outcome)).toMatchObject({ paired: 'bbb' });
    expect(await clock.run(other.outcome)).toMatchObject({ paired: 'aaa' });
  });

  it('ends with its window when nobody answers, with one sentence that says what to do', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const silent = open(stage, a, withPeer(b), () => {});
    const other = open(stage, b, withPeer(a), () => {});
    const startedMs = clock.monotonicMs();
    const outcomes = await clock.run(Promise.all([silent.outcome, other.outcome]));
    expect(outcomes.map((outcome) => 'code' in outcome && outcome.code)).toEqual(['PairingWindowClosed', 'PairingWindowClosed']);
    expect(outcomes[0]).toMatchObject({ message: expect.stringContaining('open it again on both devices') });
    expect(clock.monotonicMs() - startedMs).toBe(120_000);
    expect(pairedOf(a, b)).toEqual([[], []]);
  });

  it('is not begun with a device that is not open for it', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const alone = open(stage, a, withPeer(b));
    expect(await clock.run(alone.outcome)).toMatchObject({ code: 'PairingWindowClosed' });
    expect(pairedOf(a, b)).toEqual([[], []]);
  });

  it('ends at once when it is given up, however early', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const early = new AbortController();
    early.abort();
    const never = open(stage, a, withPeer(b), () => {}, early.signal);
    expect(await clock.run(never.outcome)).toMatchObject({ code: 'Aborted' });
    const person = new AbortController();
    const given = open(stage, a, withPeer(b), () => person.abort(), person.signal);
    const other = open(stage, b, withPeer(a), () => {});
    expect(await clock.run(given.outcome)).toMatchObject({ code: 'Aborted' });
    expect(a.device.pairing.window).toBeUndefined();
    await clock.run(other.outcome);
    expect(pairedOf(a, b)).toEqual([[], []]);
  });

  it('settles on one link when both call at the same moment', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const one = open(stage, a, { type: 'code', peer: b.id, addresses: [b.id] });
    const other = open(stage, b, { type: 'code', peer: a.id, addresses: [a.id] });
    expect(await clock.run(Promise.all([one.outcome, other.outcome]))).toMatchObject([{ paired: 'bbb' }, { paired: 'aaa' }]);
    await clock.advance(5_000);
    expect([a.device.linkedPeers(), b.device.linkedPeers()]).toEqual([['bbb'], ['aaa']]);
  });

  it('again replaces the pairing, and the old key stays until the new one has worked', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    await pairByCode(clock, a, b);
    await clock.advance(1_000);
    const keys = () => [a, b].map(({ device }, i) => device.state.pairing((i === 0 ? b : a).id)?.kPair.join());
    const first = keys();
    const no = open(stage, a, withPeer(b), ({ attempt, replaces }) => {
      expect(replaces).toBe(true);
      clock.after(1, () => a.device.pairing.answer(attempt, { type: 'no' }));
    });
    const other = open(stage, b, withPeer(a), () => {});
    await clock.run(Promise.all([no.outcome, other.outcome]));
    expect(keys()).toEqual(first);
    await clock.advance(5_000);
    expect(a.device.linkedPeers()).toEqual(['bbb']);
    const again = [open(stage, a, withPeer(b)), open(stage, b, withPeer(a))];
    expect(await clock.run(Promise.all(again.map(({ outcome }) => outcome)))).toMatchObject([{ replaced: true }, { replaced: true }]);
    const second = keys();
    expect(second[0]).toBe(second[1]);
    expect(second[0]).not.toBe(first[0]);
    await clock.advance(5_000);
    expect([a.device.linkedPeers(), b.device.linkedPeers()]).toEqual([['bbb'], ['aaa']]);
  });

  it('allows one window at a time', async () => {
    const stage = await couple();
    const { a, b } = stage;
    void open(stage, a, withPeer(b));
    const second = open(stage, a, withPeer(b));
    expect(await second.outcome).toMatchObject({ code: 'PairingBusy' });
  });

  it('stops after five attempts', async () => {
    const stage = await couple();
    const { clock, b } = stage;
    const dial = await attacker(stage);
    const victim = open(stage, b, { type: 'code' }, () => {});
    for (let i = 0; i < 5; i++) {
      const call = await dial(b.id);
      await clock.advance(5);
      call.begin();
      await clock.advance(5);
      call.close();
      await clock.advance(5);
    }
    expect(await clock.run(victim.outcome)).toMatchObject({ code: 'TooManyAttempts' });
  });

  it('is not held up by somebody who begins and says nothing more', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const dial = await attacker(stage);
    const victim = open(stage, b, { type: 'code' });
    const call = await dial(b.id);
    await clock.advance(5);
    call.begin();
    await clock.advance(10);
    const other = open(stage, a, withPeer(b));
    expect(await clock.run(Promise.all([victim.outcome, other.outcome]))).toMatchObject([{ paired: 'aaa' }, { paired: 'bbb' }]);
    expect(call.closed()).toBe(true);
    expect(clock.monotonicMs()).toBeLessThan(20_000);
  });

  it('keeps a limited number of pairings', async () => {
    const limits = { pairings: 1 };
    const stage = await couple({ aaa: { limits } });
    const { clock, air, a, b } = stage;
    await pairByCode(clock, a, b);
    const c = await simulatedDevice('ccc', { air, clock });
    const one = open(stage, a, withPeer(c));
    const other = open(stage, c, withPeer(a));
    const [here] = await clock.run(Promise.all([one.outcome, other.outcome]));
    expect(here).toMatchObject({ message: expect.stringContaining('unpair one first') });
    expect(pairedOf(a, c)).toEqual([['bbb'], []]);
  });
});

describe('pairing by link', () => {
  it('takes nobody who does not know the token, and is not held up by him', async () => {
    const stage = await couple();
    const { clock, a, b } = stage;
    const dial = await attacker(stage);
    let link: Extract<PairingReport, { type: 'link' }> | undefined;
    const shown = b.device.pairing.pair(
      { type: 'show-link' },
      undefined,
      (event) => {
        if (event.type === 'link') link = event;
      },
      new AbortController().signal,
    );
    const call = await dial(b.id);
    await clock.advance(5);
    call.begin();
    await clock.advance(5_100);
    expect(call.closed()).toBe(true);
    const { invitation } = link as NonNullable<typeof link>;
    const taken = open(stage, a, { type: 'take-link', peer: b.id, addresses: [b.id], link: invitation });
    expect(await clock.run(taken.outcome)).toMatchObject({ paired: 'bbb' });
    expect(await clock.run(shown)).toMatchObject({ peer: 'aaa', method: 'link' });
  });
});

describe('a pairing that is interrupted at each of its moments', () => {
  /** `times`: how often each person says yes. */
  const both = (stage: Couple, times: number) =>
    [stage.a, stage.b].map((device) => {
      let left = times;
      return open(stage, device, withPeer(device === stage.a ? stage.b : stage.a), ({ attempt }) => {
        if (left-- > 0) stage.clock.after(10, () => device.device.pairing.answer(attempt, { type: 'yes' }));
      });
    });

  /** Pairs with a mishap at the n-th occasion, then looks and pairs again. Undefined: there were not so many occasions. */
  async function play(arm: (stage: Couple, n: number, happened: () => void) => void, n: number) {
    const stage = await couple();
    const { clock } = stage;
    let happened = false;
    arm(stage, n, () => {
      happened = true;
    });
    const windows = both(stage, 1);
    await clock.advance(4_000);
    if (!happened) return undefined;
    return { stage, windows };
  }

  it.each(['aaa', 'bbb'] as const)('by a full disk of %s keeps nothing on either side, and works later', async (who) => {
    let n = 1;
    for (; ; n++) {
      const played = await play((stage, at, happened) => {
        const { store, deeds } = who === 'aaa' ? stage.a : stage.b;
        store.failCommit(at);
        deeds.atCommit(at, happened);
      }, n);
      if (played === undefined) break;
      const { stage, windows } = played;
      await stage.clock.run(Promise.all(windows.map(({ outcome }) => outcome)));
      await stage.clock.advance(10_000);
      expect(pairedOf(stage.a, stage.b)).toEqual([[], []]);
      await stage.clock.run(Promise.all(both(stage, 9).map(({ outcome }) => outcome)));
      expect(pairedOf(stage.a, stage.b)).toEqual([['bbb'], ['aaa']]);
    }
    expect(n).toBeGreaterThan(1);
  });
});

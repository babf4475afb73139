import { describe, expect, it } from 'vitest';
import { attackedPair, flipBit, type Tamper, VirtualClock } from '../../src/testing/index.js';
import { describeLink, LinkProbe } from '../compliance/link-compliance.js';

describeLink('A link through an idle attacker', () => {
  const clock = new VirtualClock();
  const pair = attackedPair({ clock });
  return {
    connect: async () => pair,
    sever: async () => pair.attacker.close('seen enough'),
    drive: (wait) => clock.run(wait),
    dispose: async () => {},
  };
});

function attacked(tamper?: Tamper) {
  const clock = new VirtualClock();
  const pair = attackedPair({ clock }, tamper);
  const [left, right] = [new LinkProbe(), new LinkProbe()];
  pair.initiator.open(left);
  pair.responder.open(right);
  return { clock, ...pair, left, right };
}
const frame = (...octets: number[]) => Uint8Array.from(octets);

describe('AttackerLink', () => {
  it('records what both sides say', async () => {
    const { clock, initiator, responder, attacker } = attacked();
    initiator.send(frame(1));
    await clock.runUntilIdle();
    responder.send(frame(2));
    await clock.runUntilIdle();
    expect(attacker.seen).toEqual([
      { index: 0, from: 'initiator', octets: frame(1) },
      { index: 1, from: 'responder', octets: frame(2) },
    ]);
    expect(attacker.from('responder')).toEqual([frame(2)]);
  });

  it('drops, alters, splits and passes as it likes', async () => {
    const verdicts = { 1: 'drop', 2: frame(20), 3: [frame(30), frame(31)], 4: 'pass' } as const;
    const { clock, initiator, right } = attacked(({ octets }) => verdicts[octets[0] as keyof typeof verdicts]);
    for (const i of [1, 2, 3, 4]) initiator.send(frame(i));
    await clock.runUntilIdle();
    expect(right.frames).toEqual([frame(20), frame(30), frame(31), frame(4)]);
  });

  it('replays an old frame onward or back to its sender', async () => {
    const { clock, initiator, attacker, left, right } = attacked();
    initiator.send(frame(1));
    await clock.runUntilIdle();
    attacker.replay(0);
    attacker.replay(0, 'initiator');
    await clock.runUntilIdle();
    expect(right.frames).toEqual([frame(1), frame(1)]);
    expect(left.frames).toEqual([frame(1)]);
    expect(() => attacker.replay(9)).toThrow(RangeError);
  });

  it('injects frames of its own, also from inside the hook', async () => {
    const { clock, initiator, attacker, left, right } = attacked((_, self) => {
      self.inject('initiator', frame(66));
      return 'pass';
    });
    initiator.send(frame(1));
    attacker.inject('responder', frame(77));
    await clock.runUntilIdle();
    expect(left.frames).toEqual([frame(66)]);
    expect(right.frames).toContainEqual(frame(77));
  });

  it('can change its mind and cut both off', async () => {
    const { clock, initiator, attacker, left, right } = attacked(() => 'drop');
    initiator.send(frame(1));
    await clock.runUntilIdle();
    attacker.setTamper(() => 'pass');
    initiator.send(frame(2));
    await clock.runUntilIdle();
    expect(right.frames).toEqual([frame(2)]);
    attacker.close('enough seen');
    await clock.runUntilIdle();
    expect([left.closings.length, right.closings.length]).toEqual([1, 1]);
  });

  it('flips single bits', () => {
    expect(flipBit(frame(0, 0), 0)).toEqual(frame(1, 0));
    expect(flipBit(frame(0, 0), 15)).toEqual(frame(0, 128));
    expect(flipBit(frame(0, 0), 16)).toEqual(frame(1, 0));
  });
});

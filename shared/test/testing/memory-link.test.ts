import { describe, expect, it } from 'vitest';
import { type MemoryLinkOptions, memoryLinkPair, SeededChoices, VirtualClock } from '../../src/testing/index.js';
import { describeLink, LinkProbe } from '../compliance/link-compliance.js';

describeLink('MemoryLink', () => {
  const clock = new VirtualClock();
  let sever: (reason: string) => void = () => {};
  return {
    connect: async () => {
      const pair = memoryLinkPair({ clock, weather: { delayMs: 3, jitterMs: 10 } });
      sever = pair.sever;
      return pair;
    },
    sever: async () => sever('broken by the test'),
    drive: (wait) => clock.run(wait),
    dispose: async () => {},
  };
});

function opened(options: Partial<MemoryLinkOptions>) {
  const clock = new VirtualClock({ startMs: 0 });
  const pair = memoryLinkPair({ clock, ...options });
  const [left, right] = [new LinkProbe(), new LinkProbe()];
  pair.initiator.open(left);
  pair.responder.open(right);
  return { clock, pair, left, right, numbers: () => right.frames.map((frame) => frame[0]) };
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('MemoryLink', () => {
  it('delays each frame as it is told to, and no more', async () => {
    const { clock, pair, right } = opened({ weather: { delayMs: 40 } });
    pair.initiator.send(Uint8Array.of(1));
    await clock.advance(39);
    expect(right.frames).toHaveLength(0);
    await clock.advance(1);
    expect(right.frames).toHaveLength(1);
  });

  it('loses about the share it is told to, and counts', async () => {
    const { clock, pair, right } = opened({ weather: { loss: 0.3 }, choices: new SeededChoices(7) });
    for (let i = 0; i < 1_000; i++) pair.initiator.send(Uint8Array.of(i));
    await clock.runUntilIdle();
    expect(pair.initiator.count.sent).toBe(1_000);
    expect(pair.initiator.count.lost).toBe(1_000 - right.frames.length);
    expect(pair.initiator.count.lost).toBeGreaterThan(250);
    expect(pair.initiator.count.lost).toBeLessThan(350);
  });

  it('loses the same frames for the same seed', async () => {
    const arrived = async (seed: number) => {
      const { clock, pair, numbers } = opened({
        weather: { loss: 0.5, duplication: 0.2, reordering: 0.2 },
        choices: new SeededChoices(seed),
      });
      for (const i of upTo(50)) pair.initiator.send(Uint8Array.of(i));
      await clock.runUntilIdle();
      return numbers();
    };
    expect(await arrived(1)).toEqual(await arrived(1));
    expect(await arrived(1)).not.toEqual(await arrived(2));
  });

  it('duplicates frames', async () => {
    const { clock, pair, numbers } = opened({ weather: { duplication: 1 } });
    for (const i of upTo(3)) pair.initiator.send(Uint8Array.of(i));
    await clock.runUntilIdle();
    expect(numbers()).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('lets frames overtake one another', async () => {
    const { clock, pair, numbers } = opened({ weather: { reordering: 0.3 }, choices: new SeededChoices(4) });
    for (const i of upTo(30)) pair.initiator.send(Uint8Array.of(i));
    await clock.runUntilIdle();
    expect(numbers()).not.toEqual(upTo(30));
    expect(numbers().sort((a = 0, b = 0) => a - b)).toEqual(upTo(30));
  });

  it('keeps the order however much the delay varies', async () => {
    const { clock, pair, numbers } = opened({ weather: { jitterMs: 500 } });
    for (const i of upTo(100)) pair.initiator.send(Uint8Array.of(i));
    await clock.runUntilIdle();
    expect(numbers()).toEqual(upTo(100));
  });

  it('has weather of its own in each direction', async () => {
    const { clock, pair, left, right } = opened({});
    pair.initiator.setWeather({ loss: 1 });
    pair.initiator.send(Uint8Array.of(1));
    pair.responder.send(Uint8Array.of(2));
    await clock.runUntilIdle();
    expect([left.frames.length, right.frames.length]).toEqual([1, 0]);
  });

  it('is silent when cut: what is under way is lost, nobody is told, and it can be mended', async () => {
    const { clock, pair, left, right, numbers } = opened({});
    pair.initiator.send(Uint8Array.of(1));
    pair.cut();
    pair.initiator.send(Uint8Array.of(2));
    await clock.advance(60_000);
    expect([left.closings, right.closings, numbers()]).toEqual([[], [], []]);
    pair.mend();
    pair.initiator.send(Uint8Array.of(3));
    await clock.runUntilIdle();
    expect(numbers()).toEqual([3]);
  });

  it('does not tell the far end of a closing while it is cut', async () => {
    const { clock, pair, left, right } = opened({});
    pair.cut();
    pair.initiator.close('given up');
    await clock.runUntilIdle();
    expect([left.closings, right.closings]).toEqual([['given up'], []]);
  });
});

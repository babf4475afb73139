import { describe, expect, it } from 'vitest';
import { decodeSegment, encodeCredit, encodeData, encodeHello, MAX_FRAME_OCTETS, SEND_LIMITS } from '../../src/segments/index.js';
import { framed, SegmentPair } from './segment-pair.js';

/** A pair that has greeted; `tag` marks segments of its link. */
function greeted(payloadOctets = 253) {
  const pair = new SegmentPair(payloadOctets);
  pair.settle();
  const hello = pair.central.written[0] as Uint8Array;
  return { pair, tag: hello[6] as number, linkId: hello.slice(3) };
}

const data = (tag: number, sequence: number, change: object = {}) =>
  encodeData({ tag, sequence, last: false, frameLength: undefined, grant: 0, content: framed(1), ...change });

describe('SegmentStream', () => {
  it('carries the longest frame both ways at the smallest and the largest payload', () => {
    for (const payload of [20, 253, 512, 517]) {
      const { pair } = greeted(payload);
      pair.central.stream.send(framed(MAX_FRAME_OCTETS));
      pair.peripheral.stream.send(framed(MAX_FRAME_OCTETS, 3));
      pair.settle();
      expect(pair.peripheral.frames).toEqual([framed(MAX_FRAME_OCTETS)]);
      expect(pair.central.frames).toEqual([framed(MAX_FRAME_OCTETS, 3)]);
      expect(pair.central.written.every((octets) => octets.length <= Math.min(payload, 512))).toBe(true);
      expect(pair.clock.pending).toBe(0);
    }
  });

  it('sends what was queued before the hellos, and uses an MTU that grew', () => {
    const pair = new SegmentPair(20);
    pair.central.stream.send(framed(600));
    expect(pair.central.written).toHaveLength(1);
    pair.central.payloadOctets = 253;
    pair.settle();
    expect(pair.peripheral.frames).toEqual([framed(600)]);
    expect(pair.central.written).toHaveLength(4);
  });

  it('spends at most one credit segment on seven data segments, none where answers flow', () => {
    const { pair } = greeted();
    for (let i = 0; i < 15; i++) pair.central.stream.send(framed(16_000, i));
    pair.settle();
    const sent = pair.central.written.length;
    expect(pair.peripheral.frames).toHaveLength(15);
    expect(pair.peripheral.written.length).toBeLessThanOrEqual(1 + sent / 7);
    const octets = [...pair.central.written, ...pair.peripheral.written].reduce((sum, { length }) => sum + length + 3, 0);
    expect(240_000 / octets).toBeGreaterThan(0.95);

    const talk = greeted().pair;
    for (let i = 0; i < 40; i++) {
      talk.central.stream.send(framed(200, i));
      talk.settle();
      talk.peripheral.stream.send(framed(200, i));
      talk.settle();
    }
    expect([...talk.central.written, ...talk.peripheral.written].filter((octets) => decodeSegment(octets).kind === 'credit')).toEqual([]);
  });

  it('grants a whole window that arrived at once but for one segment, without waiting for more', () => {
    const { pair } = greeted();
    const greetings = pair.peripheral.written.length;
    pair.central.stream.send(framed(3_700));
    pair.settle();
    expect(pair.central.written).toHaveLength(greetings + 15);
    const granted = pair.peripheral.written.slice(greetings).map((octets) => decodeSegment(octets));
    expect(granted.reduce((sum, segment) => sum + (segment.kind === 'credit' ? segment.grant : 0), 0)).toBe(14);
  });

  it('never has more under way than was granted, and goes on when the receiver resumes', () => {
    const { pair } = greeted(20);
    pair.peripheral.stream.pause();
    pair.central.stream.send(framed(1_000));
    pair.settle();
    expect(pair.central.written).toHaveLength(1 + 15);
    pair.peripheral.stream.resume();
    pair.settle();
    expect(pair.peripheral.frames).toEqual([framed(1_000)]);
  });

  it('does not call a frame late that waits for its own resume', async () => {
    const { pair } = greeted(20);
    pair.peripheral.stream.pause();
    pair.central.stream.send(framed(1_000));
    pair.settle();
    await pair.clock.advance(50_000);
    expect(pair.failures).toEqual([]);
    pair.peripheral.stream.resume();
    await pair.clock.advance(5_001);
    expect(pair.peripheral.failures.map(({ code }) => code)).toEqual(['FrameTooSlow']);
  });

  it('gives up a peer that says nothing, after 3 s, either side', async () => {
    const pair = new SegmentPair();
    await pair.clock.advance(3_000);
    expect(pair.failures).toEqual(['NoHello', 'NoHello']);
    expect(pair.clock.pending).toBe(0);
  });

  it('gives up a peer that never grants a credit', async () => {
    const { pair } = greeted(20);
    pair.central.stream.send(framed(16_000));
    pair.central.onAir.length = 0;
    await pair.clock.advance(60_000);
    expect(pair.central.failures.map(({ code }) => code)).toEqual(['PeerTakesNothing']);
    expect(pair.central.stream.waitingOctets).toBe(0);
  });

  it('gives up a frame that drips, or stops', async () => {
    const dripping = greeted();
    const peer = dripping.pair.peripheral;
    peer.stream.receive(data(dripping.tag, 0, { frameLength: 16_000 }));
    for (let i = 1; i < 40 && peer.failures.length === 0; i++) {
      await dripping.pair.clock.advance(4_000);
      peer.stream.receive(data(dripping.tag, i & 15));
    }
    expect(dripping.pair.clock.monotonicMs()).toBe(61_000);
    expect(peer.failures.map(({ code }) => code)).toEqual(['FrameTooSlow']);
    expect(peer.stream.heldOctets).toBe(0);

    const stopped = greeted();
    stopped.pair.peripheral.stream.receive(data(stopped.tag, 0, { frameLength: 16_000 }));
    await stopped.pair.clock.advance(5_000);
    expect(stopped.pair.failures).toEqual(['FrameTooSlow']);
  });

  it.each<[string, (tag: number, linkId: Uint8Array) => Uint8Array[]]>([
    ['goes on with a frame that did not begin', (tag) => [data(tag, 0)]],
    ['begins a frame within a frame', (tag) => [data(tag, 0, { frameLength: 9 }), data(tag, 1, { frameLength: 9 })]],
    ['sends more than it announced', (tag) => [data(tag, 0, { frameLength: 2, content: framed(3) })]],
    ['ends before the announced length', (tag) => [data(tag, 0, { frameLength: 2, last: true })]],
    ['does not mark the end', (tag) => [data(tag, 0, { frameLength: 1 })]],
    ['leaves a number out', (tag) => [data(tag, 1, { frameLength: 1, last: true })]],
    ['grants more than the window', (tag) => [encodeCredit(tag, 1)]],
    ['grants nothing', (tag) => [Uint8Array.of(0x20, tag, 0)]],
    ['announces nothing', (tag) => [data(tag, 0, { frameLength: 0 })]],
    ['announces too much', (tag) => [data(tag, 0, { frameLength: MAX_FRAME_OCTETS + 1 })]],
    ['greets twice', (_, linkId) => [encodeHello(linkId, 15)]],
    ['sends no octet', () => [new Uint8Array(0)]],
    ['sends an unknown kind', () => [Uint8Array.of(0x40, 1, 2)]],
    ['sends too long a segment', (tag) => [data(tag, 0, { frameLength: 600, content: framed(600) })]],
    [
      'floods beyond its credits',
      (tag) => Array.from({ length: 16 }, (_, i) => data(tag, i & 15, { frameLength: i === 0 ? 99 : undefined })),
    ],
  ])('ends the link of a peer that %s', (what, segments) => {
    const { pair, tag, linkId } = greeted();
    if (what === 'floods beyond its credits') pair.peripheral.stream.pause();
    for (const octets of segments(tag, linkId)) pair.peripheral.stream.receive(octets);
    expect(pair.failures).toEqual(['BadSegment']);
    expect(pair.peripheral.frames).toEqual([]);
    expect(pair.peripheral.stream.heldOctets).toBe(0);
    expect(pair.clock.pending).toBe(0);
  });

  it('drops segments of an older link, before and after the hellos, but not for ever', () => {
    const old = greeted();
    old.pair.central.stream.send(framed(300));
    const stale = old.pair.central.onAir.slice();
    const pair = new SegmentPair(253, 'another');
    for (const octets of stale) pair.peripheral.stream.receive(octets);
    pair.settle();
    for (const octets of stale) pair.peripheral.stream.receive(octets);
    pair.central.stream.send(framed(40));
    pair.settle();
    expect(pair.failures).toEqual([]);
    expect(pair.peripheral.frames).toEqual([framed(40)]);
    for (let i = 0; i < 64; i++) pair.peripheral.stream.receive(stale[0] as Uint8Array);
    expect(pair.failures).toEqual(['BadSegment']);
  });

  it('takes the hello of the new link after one left over from an older, and fails when a used link begins anew', () => {
    const pair = new SegmentPair();
    pair.peripheral.stream.receive(encodeHello(Uint8Array.of(9, 9, 9, 9), 15));
    pair.central.stream.send(framed(40));
    pair.settle();
    expect(pair.failures).toEqual([]);
    expect(pair.peripheral.frames).toEqual([framed(40)]);
    pair.peripheral.stream.receive(encodeHello(Uint8Array.of(9, 9, 9, 9), 15));
    expect(pair.failures).toEqual(['LinkReplaced']);
  });

  it('refuses another version by name', () => {
    const pair = new SegmentPair();
    pair.peripheral.stream.receive(Uint8Array.of(0x80, 2, 15, 1, 2, 3, 4));
    expect(pair.failures).toEqual(['UnknownVersion']);
  });

  it('fails rather than hold more than its bound for sending', () => {
    const { pair } = greeted();
    for (let i = 0; i < 40; i++) pair.central.stream.send(framed(16_000));
    expect(pair.failures).toEqual(['LinkTooSlow']);
    expect(pair.central.stream.waitingOctets).toBe(0);
    const many = greeted().pair;
    for (let i = 0; i < SEND_LIMITS.frames + 15; i++) many.central.stream.send(framed(1));
    expect(many.failures).toEqual([]);
    many.central.stream.send(framed(1));
    expect(many.failures).toEqual(['LinkTooSlow']);
  });

  it('is silent once closed', () => {
    const { pair } = greeted();
    pair.central.stream.close();
    pair.central.stream.send(framed(40));
    pair.central.stream.receive(framed(40));
    pair.settle();
    expect([pair.failures, pair.peripheral.frames, pair.clock.pending]).toEqual([[], [], 0]);
  });
});

import { entityId, pnId } from '@cpns/shared';
import { Addressee, Mode } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { WatchEvent } from '../../../src/control/api/messages.js';
import { HappeningFeed } from '../../../src/control/device-control/happening-feed.js';

const laptop = entityId('laptop');

function watched() {
  const clock = new VirtualClock();
  const feed = new HappeningFeed(clock);
  const events: WatchEvent[] = [];
  const stop = feed.watch((event) => events.push(event));
  return { clock, feed, events, stop };
}

describe('the feed of happenings', () => {
  it('tells what happened and when', () => {
    const { clock, feed, events } = watched();
    feed.happened({ type: 'link-up', peer: laptop, technology: 'lan', text: 'Linked with laptop.' });
    feed.happened({ type: 'mode', mode: Mode.PnGw, gateway: laptop, text: 'This device is PN GW: it is the best.' });
    feed.happened({ type: 'mode', mode: Mode.Unassigned, gateway: undefined, text: 'This device is unassigned: nobody is near.' });
    const atWallMs = clock.wallMs();
    expect(events).toEqual([
      { type: 'link-up', peer: laptop, technology: 'lan', text: 'Linked with laptop.', atWallMs },
      { type: 'mode', mode: 'PN GW', gateway: laptop, text: 'This device is PN GW: it is the best.', atWallMs },
      { type: 'mode', mode: 'unassigned', text: 'This device is unassigned: nobody is near.', atWallMs },
    ]);
  });

  it('tells of messages, octet for octet', () => {
    const { feed, events } = watched();
    const data = {
      id: new Uint8Array(16).fill(0xab),
      from: laptop,
      to: Addressee.Entity,
      entity: entityId('phone'),
      channel: 'default',
      contentType: 'application/octet-stream',
      payload: Uint8Array.of(0, 255, 10),
    };
    const network = pnId('0'.repeat(32));
    feed.received({ data, pnId: network, receivedAtWallMs: 5 });
    feed.received({ data, pnId: undefined, receivedAtWallMs: 6 });
    const common = {
      type: 'message',
      messageId: 'ab'.repeat(16),
      from: laptop,
      channel: 'default',
      contentType: 'application/octet-stream',
      payload: 'AP8K',
    };
    expect(events).toEqual([
      { ...common, pnId: network, receivedAtWallMs: 5 },
      { ...common, receivedAtWallMs: 6 },
    ]);
  });

  it('tells everybody who watches, until each has had enough', () => {
    const { feed, events, stop } = watched();
    const others: WatchEvent[] = [];
    const watcher = (event: WatchEvent) => others.push(event);
    const stops = [feed.watch(watcher), feed.watch(watcher)];
    feed.happened({ type: 'problem', text: 'one' });
    stop();
    stops[0]?.();
    feed.happened({ type: 'problem', text: 'two' });
    expect(events.map(({ type }) => type)).toEqual(['problem']);
    expect(others).toHaveLength(3);
  });
});

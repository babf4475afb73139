import type { EntityId } from '@cpns/shared';
import { clearFrame, encodeEnvelope, link1, pairing1 } from '@cpns/shared/messages';
import { RECORD_TYPE } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { household, LAPTOP_ID } from './household.js';
import { stranger } from './stranger.js';

describe('a link to a stranger', () => {
  it('is refused when it does not know a K_pair', async () => {
    const home = await household();
    const { link, closed, heard } = await stranger(home, LAPTOP_ID);
    const envelope = encodeEnvelope(link1, new Uint8Array(16), '', {
      version: 1,
      suite: 1,
      nI: new Uint8Array(32).fill(1),
      eI: new Uint8Array(32).fill(9),
      find: new Uint8Array(8),
    });
    link.send(clearFrame(envelope));
    await home.clock.advance(100);
    expect(closed()).toBe(true);
    // A refusal, that says nothing, and no Link 2.
    expect(heard).toHaveLength(1);
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
  });

  it('is closed when it proves nothing in time', async () => {
    const home = await household();
    const { closed } = await stranger(home, LAPTOP_ID);
    await home.clock.advance(9_900);
    expect(closed()).toBe(false);
    await home.clock.advance(200);
    expect(closed()).toBe(true);
  });

  it.each([
    ['garbage', () => new Uint8Array(64).fill(0x55)],
    ['records', () => new Uint8Array(64).fill(RECORD_TYPE.link)],
    ['envelopes that cannot be read', () => clearFrame(new Uint8Array(64).fill(0xff))],
    ['an envelope that is too long', () => clearFrame(new Uint8Array(20_000).fill(0x40))],
    [
      'handshakes',
      () =>
        clearFrame(
          encodeEnvelope(pairing1, new Uint8Array(16), 'stranger' as EntityId, { version: 1, suite: 1, commit: new Uint8Array(32) }),
        ),
    ],
  ])('is closed when it is flooded with %s', async (_name, frame) => {
    const home = await household();
    const { link, closed } = await stranger(home, LAPTOP_ID);
    for (let i = 0; i < 100; i++) link.send(frame());
    await home.clock.advance(100);
    expect(closed()).toBe(true);
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
  });
});

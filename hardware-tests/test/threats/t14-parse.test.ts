import { clearFrame, decodeCbor } from '@cpns/shared/messages';
import { concat, INNER_TYPE } from '@cpns/shared/security';
import { SeededChoices } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { established, GatewayDouble, PneDouble } from '../../../server/test/enabler/devices.js';
import { Rig } from '../../../server/test/enabler/rig.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { establishAtPhone, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';
import { stranger } from '../simulation/stranger.js';

/** Octets that nearly are something: parts of real messages, flipped, cut, joined, with lies about lengths. */
function mutant(choices: SeededChoices, corpus: readonly Uint8Array[]): Uint8Array {
  const pick = () => corpus[choices.below(corpus.length)] as Uint8Array;
  const octets = choices.chance(0.3) ? concat(pick().subarray(0, choices.below(40)), pick()) : pick().slice();
  for (let i = choices.below(6); i >= 0; i--) if (octets.length > 0) octets[choices.below(octets.length)] = choices.below(256);
  return choices.chance(0.3) ? octets.slice(0, choices.below(octets.length + 1)) : octets;
}

describe('T14 Fragment/parse DoS', () => {
  it('mutated messages of a stranger end his link and nothing else', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'all' });
    const corpus = home.attacker.seen.map(({ octets }) => octets);
    const choices = new SeededChoices(14);
    for (let i = 0; i < 100; i++) {
      const { link } = await stranger(home, LAPTOP_ID, `stranger-${i}` as never);
      for (let j = 0; j < 10; j++) link.send(mutant(choices, corpus));
      await home.clock.advance(20);
      link.close('enough');
    }
    expect(home.laptop.device.linkTo(PHONE_ID)).toBeDefined();
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
    await establishAtPhone(home, { type: 'one-to-one' });
  });

  it('mutated messages over the uplink, in both directions, change nothing', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(2_000);
    const corpus = home.attacker.seen.filter(({ way }) => way === 'uplink').map(({ octets }) => octets);
    const choices = new SeededChoices(141);
    for (let i = 0; i < 2_000; i++) {
      const octets = mutant(choices, corpus);
      const [from, to] = choices.chance(0.5) ? ([LAPTOP_ID, 'server'] as const) : (['server', LAPTOP_ID] as const);
      home.attacker.inject({ way: 'uplink', from, to, octets });
      if (i % 50 === 0) await home.clock.advance(5);
    }
    await home.clock.advance(70_000);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
    await establishAtPhone(home, { type: 'one-to-one' });
  });

  it('parts that never become whole (slowloris) hold four places of their own session and are forgotten', async () => {
    const rig = new Rig();
    await rig.user();
    const gateway = await GatewayDouble.connected(rig);
    const part = (index: number, count: number) =>
      gateway.publish(gateway.channel?.seal(INNER_TYPE.part, concat(new Uint8Array([index, count]), new Uint8Array(16_000))) as Uint8Array);
    for (let i = 0; i < 50; i++) {
      await part(0, 9);
      gateway.channel?.seal(INNER_TYPE.part, new Uint8Array(20));
    }
    expect(gateway.arrived).toEqual([]);
    const pne = await PneDouble.of(gateway, 'laptop');
    await expect(established(gateway, [pne])).resolves.toEqual(expect.any(String));
  });

  it('depth, length and the names of properties give no parser more work than octets', () => {
    for (const open of [0x81, 0xa1, 0x9f, 0xbf, 0xc1]) {
      expect(() => decodeCbor(new Uint8Array(65_536).fill(open))).toThrow('read');
    }
    expect(() => decodeCbor(new Uint8Array([0x9a, 0xff, 0xff, 0xff, 0xff]))).toThrow('read');
    const named = new Uint8Array([0xa1, 0x69, ...new TextEncoder().encode('__proto__'), 0xa0]);
    expect(() => decodeCbor(named)).toThrow('no number');
  });

  it('an envelope longer than 16,384 octets on a hop is refused before it is parsed', async () => {
    const home = await household();
    const { link, closed } = await stranger(home, LAPTOP_ID);
    link.send(clearFrame(new Uint8Array(16_385).fill(0x81)));
    await home.clock.advance(20);
    expect(closed()).toBe(true);
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
  });
});

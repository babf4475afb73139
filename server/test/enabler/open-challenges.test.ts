import { entityId, type PnId } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { Challenges, type RegisterRun } from '../../src/enabler/challenges.js';
import { requireGatewayRight } from '../../src/enabler/hello-check.js';

const gateway = entityId('laptop');

function run() {
  const aborted: string[] = [];
  const handshake = { abort: () => aborted.push('aborted') };
  const pne = { pne: entityId('phone'), handshake, capabilities: new Uint8Array(0), contents: undefined };
  const made = { flow: 'register', gateway, pnId: 'f'.repeat(32) as PnId, randServer: new Uint8Array(32), pnes: [pne] };
  return { made: made as unknown as RegisterRun, aborted };
}

describe('a challenge', () => {
  it('that was taken is not given up any more, nor is a later one of the same name in its place', () => {
    const challenges = new Challenges(new VirtualClock(), { challengeTimeoutMs: 30_000, openChallengesPerGateway: 1 });
    const [first, second] = [run(), run()];
    challenges.open(first.made);
    expect(challenges.take(gateway, first.made.pnId, first.made.randServer)).toBe(first.made);
    challenges.abort(first.made);
    expect(first.aborted).toEqual([]);
    challenges.open(second.made);
    challenges.abort(first.made);
    expect([second.aborted, challenges.count]).toEqual([[], 1]);
    challenges.abort(second.made);
    expect([second.aborted, challenges.count]).toEqual([['aborted'], 0]);
  });
});

describe('the right to be PN GW', () => {
  const user = { userId: 'ann', subscription: { services: ['pn-gw'], chargeable: false } };
  const reads = (state: string) => ({ devices: { find: () => ({ state, userId: 'ann' }) }, users: { find: () => user } }) as never;

  it('is one of active devices', () => {
    expect(() => requireGatewayRight(reads('active'), gateway)).not.toThrow();
    expect(() => requireGatewayRight(reads('revoked'), gateway)).toThrow(expect.objectContaining({ code: 'NoGatewayRight' }));
  });
});

import { CpnsError, type ErrorFamily, entityId } from '@cpns/shared';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { Neighbourhood } from '../../src/entity/neighbourhood.js';
import type { PanTechnology } from '../../src/entity/pan-technology.js';

function technology(type: PanTechnology['type'], failure?: CpnsError): PanTechnology {
  return {
    type,
    start: async () => {
      if (failure !== undefined) throw failure;
    },
    announce: () => {},
    dial: () => Promise.reject(new CpnsError('Transport', 'PeerUnreachable', 'Nobody.')),
    canDial: () => true,
    proven: () => {},
    addresses: () => [],
    refresh: () => {},
    stop: async () => {},
  };
}

function neighbourhood(...technologies: PanTechnology[]): Neighbourhood {
  return new Neighbourhood({
    self: entityId('dev-a'),
    clock: new VirtualClock(),
    entropy: new InsecureSeededEntropy('neighbourhood'),
    logger: new MemoryLogger(),
    technologies,
    maxSighted: 8,
    isPaired: () => false,
    wanted: () => false,
    dialsFirst: () => true,
    isLinked: () => false,
    handler: { linked: async () => false, changed: () => {} },
  });
}

const failed = (family: ErrorFamily) => new CpnsError(family, 'NotThere', 'It cannot be used.');

describe('Neighbourhood', () => {
  it('goes on without a technology that cannot start, and says why', async () => {
    const one = neighbourhood(technology('lan', failed('Transport')), technology('ble'));
    await one.start();
    expect([one.problemOf('lan'), one.problemOf('ble')]).toEqual(['It cannot be used.', undefined]);
  });

  it('does not start when none can', async () => {
    await expect(neighbourhood(technology('lan', failed('Transport'))).start()).rejects.toMatchObject({ code: 'NotThere' });
  });

  it('does not start over a wrong setting, whatever else works', async () => {
    const one = neighbourhood(technology('lan', failed('Config')), technology('ble'));
    await expect(one.start()).rejects.toMatchObject({ family: 'Config' });
  });
});

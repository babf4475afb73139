import { entityId, serverId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../../../src/config/settings.js';
import type { ControlContext, RunningDevice, UplinkView } from '../../../src/control/device-control/control-context.js';
import { statusControl } from '../../../src/control/device-control/status.js';
import type { Device } from '../../../src/entity/device.js';

interface Situation {
  readonly mode?: Mode;
  readonly clockOffsetMs?: number;
  readonly isReady?: boolean;
  readonly uplink?: Partial<UplinkView>;
}

/** The status of a device in a situation that would need a server to come about. */
async function statusIn({ mode = Mode.PnGw, clockOffsetMs, isReady = false, uplink = {} }: Situation) {
  const device = {
    id: entityId('laptop'),
    serverId: serverId('cpns.test'),
    clockOffsetMs,
    roles: { mode, reach: undefined, assignment: { mode, gateway: undefined, reason: 'It was assigned.' } },
    uplink: { isReady, reason: 'nothing listens there' },
    neighbourhood: { sightings: new Map(), problemOf: () => undefined },
    state: { serverKeys: undefined, pairings: () => new Map(), pns: () => [] },
    pairing: { window: undefined },
    consents: { list: () => [] },
    messenger: { outbox: { size: { messages: 0, bytes: 0 } } },
    linkedPeers: () => [],
    contentProblems: [],
  } as unknown as Device;
  const running = {
    device,
    technologies: [],
    uplink: { address: undefined, isConnected: false, ...uplink },
  } as unknown as RunningDevice;
  const context = {
    clock: new VirtualClock(),
    version: '1.2.3',
    name: 'laptop',
    startedAtMs: 0,
    settings: { allowUnprotectedPan: false, requireForwardSecrecy: true, consent: 'ask', limits: defaultSettings().limits },
    current: () => running,
  } as unknown as ControlContext;
  return statusControl(context).status();
}

describe('the server in the status', () => {
  it.each([
    [{ mode: Mode.Pne }, 'unused', undefined],
    [{ isReady: true, uplink: { isConnected: true } }, 'connected', undefined],
    [{ uplink: { isConnected: true } }, 'connecting', 'nothing listens there'],
    [{}, 'disconnected', 'nothing listens there'],
  ])('is, with %j, %s', async (situation, uplink, reason) => {
    expect((await statusIn(situation)).server).toEqual({ id: 'cpns.test', uplink, ...(reason && { reason }) });
  });

  it('has the address in use', async () => {
    const { server } = await statusIn({ uplink: { address: '192.0.2.1:8883' } });
    expect(server.address).toBe('192.0.2.1:8883');
  });
});

describe('a wrong clock', () => {
  const YEAR_MS = 365 * 86_400_000;
  it.each([
    [YEAR_MS, 'The clock of this device is 365 days ahead of the server; everything works, but times shown are wrong.'],
    [-YEAR_MS, 'The clock of this device is 365 days behind the server; everything works, but times shown are wrong.'],
    [-6 * 60_000, 'The clock of this device is 6 minutes behind the server; everything works, but times shown are wrong.'],
  ])('by %i ms is warned of', async (clockOffsetMs, warning) => {
    const status = await statusIn({ clockOffsetMs });
    expect(status.warnings).toEqual([warning]);
    expect(status.server.clockOffsetMs).toBe(clockOffsetMs);
  });

  it('is no longer one within five minutes', async () => {
    expect((await statusIn({ clockOffsetMs: 5 * 60_000 })).warnings).toEqual([]);
    expect((await statusIn({})).warnings).toEqual([]);
  });
});

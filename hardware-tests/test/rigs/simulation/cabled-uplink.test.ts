import type { Uplink, UplinkEvents } from '@cpns/agent';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { Cable } from '../../../rigs/simulation/cable.js';
import { CabledUplink } from '../../../rigs/simulation/cabled-uplink.js';

const MESSAGE = new Uint8Array([1]);
const never = new AbortController().signal;

function uplinkWithCables(...cables: Cable[]) {
  const clock = new VirtualClock();
  const log: string[] = [];
  let server: UplinkEvents | undefined;
  const inner: Uplink = {
    start: (events) => {
      server = events;
      log.push('dialled');
      events.connected();
    },
    publish: async () => void log.push('published'),
    probe: async () => ({ reachable: true, atMonotonicMs: clock.monotonicMs() }),
    stop: async () => void log.push('hung up'),
  };
  const uplink = new CabledUplink({ inner, clock, cables, address: '10.77.0.1:8883' });
  const events: UplinkEvents = {
    connected: () => log.push('connected'),
    disconnected: () => log.push('disconnected'),
    message: () => log.push('message'),
  };
  return { clock, log, uplink, events, serverSays: () => server?.message(MESSAGE) };
}

describe('the uplink of a simulated computer', () => {
  it('carries both ways while every cable is plugged in', async () => {
    const { log, uplink, events, serverSays } = uplinkWithCables(new Cable(), new Cable());
    uplink.start(events);
    serverSays();
    await uplink.publish(MESSAGE);
    expect(log).toEqual(['dialled', 'connected', 'message', 'published']);
    expect(await uplink.probe(never)).toMatchObject({ reachable: true });
  });

  it('is silent without a cable until the keep-alive notices, then dials until the cable is back', async () => {
    const cable = new Cable();
    const { clock, log, uplink, events, serverSays } = uplinkWithCables(new Cable(), cable);
    uplink.start(events);
    log.length = 0;
    cable.unplug();
    serverSays();
    await clock.advance(14_900);
    expect(log).toEqual([]);
    expect(uplink.isConnected).toBe(true);
    await clock.advance(200);
    expect(log).toEqual(['hung up', 'disconnected']);
    expect(uplink.isConnected).toBe(false);
    await clock.advance(30_000);
    expect(log).not.toContain('dialled');
    cable.plug();
    await clock.advance(10_000);
    expect(log.slice(-2)).toEqual(['dialled', 'connected']);
  });

  it('fails what is published into a cable that is pulled', async () => {
    const cable = new Cable();
    const { clock, log, uplink, events } = uplinkWithCables(cable);
    uplink.start(events);
    cable.unplug();
    await expect(clock.run(uplink.publish(MESSAGE))).rejects.toMatchObject({ code: 'UplinkLost' });
    expect(log).not.toContain('published');
    expect(log).toContain('disconnected');
    expect(await clock.run(uplink.probe(never))).toMatchObject({ reachable: false });
  });

  it('leaves no timer when it is stopped', async () => {
    const cable = new Cable();
    const { clock, uplink, events } = uplinkWithCables(cable);
    uplink.start(events);
    cable.unplug();
    await uplink.stop();
    cable.plug();
    cable.unplug();
    expect(clock.pending).toBe(0);
  });
});

import { MqttUplink } from '@cpns/agent';
import { defaultSettings, EmbeddedBroker } from '@cpns/server';
import { CpnsError, type EntityId } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedServer } from '../../rigs/simulation/server.js';
import { establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';

/** From now on the PN GW reaches another server that says to be its own, has the same devices, and other EUKeys. */
async function withRogueServer(home: Household) {
  const rogue = new SimulatedServer(home.clock);
  // Keys come from a seeded entropy here: one device more and nobody has the key that the true server gave it.
  for (const id of ['somebody', 'laptop', 'phone', 'board']) await rogue.enrol(id);
  home.server.crash();
  home.server.restart();
  rogue.uplink(LAPTOP_ID).start({
    connected: () => {},
    disconnected: () => {},
    message: (payload) => home.server.deliver('server', LAPTOP_ID, payload),
  });
  home.attacker.scheme = ({ way, from, to, octets }) => {
    if (way !== 'uplink') return 'pass';
    if (to === 'server') rogue.deliver(from, to, octets);
    return 'drop';
  };
  return rogue;
}

/** A broker on loopback that knows one device by that key. */
async function broker(key: Uint8Array) {
  const settings = { ...defaultSettings().uplink, host: '127.0.0.1', port: 0 };
  const entropy = new InsecureSeededEntropy('broker');
  const embedded = new EmbeddedBroker({
    settings,
    directory: { tlsKey: () => key },
    clock: new SystemClock(),
    entropy,
    logger: new MemoryLogger(),
  });
  const heard: Uint8Array[] = [];
  const handler = {
    uplink: async (_from: EntityId, payload: Uint8Array) => void heard.push(payload),
    deviceConnected: () => {},
    deviceDisconnected: () => {},
  };
  const address = await embedded.start(handler);
  onTestFinished(() => embedded.stop());
  return { address, heard, connected: () => embedded.connected() };
}

describe('T2 LAN: same as T1, plus spoofed mDNS, rogue server', () => {
  it('a server that does not know the EUKey is not believed by a PN GW, and is told nothing', async () => {
    const home = await household();
    const rogue = await withRogueServer(home);
    await home.clock.advance(60_000);
    expect(home.laptop.device.uplink.isReady).toBe(false);
    expect(rogue.database.reads.pns.list()).toEqual([]);
    await expect(establishAtPhone(home, { type: 'all' })).rejects.toBeInstanceOf(CpnsError);
    expect([home.phone, home.board].flatMap(({ device }) => device.state.pns())).toEqual([]);
  });

  it('a server that does not know the EUKey is not believed by the PNEs of a PN GW that works for it', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    await home.clock.advance(1_000);
    const before = home.phone.device.state.pns();
    await withRogueServer(home);
    await home.clock.advance(120_000);
    expect(home.phone.device.state.pns()).toEqual(before);
    expect(record.members).toHaveLength(2);
    // The true one is believed again as soon as it is reached.
    home.attacker.rest();
    await home.clock.advance(120_000);
    expect(home.laptop.device.uplink.isReady).toBe(true);
  });

  it('a DNS or mDNS answer that leads to another server leads nowhere: the device says nothing there and goes on to its own', async () => {
    const key = new Uint8Array(32).fill(7);
    const [rogue, own] = [await broker(new Uint8Array(32).fill(8)), await broker(key)];
    const logger = new MemoryLogger();
    const uplink = new MqttUplink({
      identity: { entityId: 'board-1' as EntityId, key: new Secret('K_tls', key) },
      resolve: async () => [rogue.address, own.address],
      clock: new SystemClock(),
      entropy: new InsecureSeededEntropy('uplink'),
      logger,
    });
    onTestFinished(() => uplink.stop());
    await new Promise<void>((resolve) => uplink.start({ connected: resolve, disconnected: () => {}, message: () => {} }));
    await uplink.publish(new Uint8Array([1, 2, 3]));
    expect(own.heard).toHaveLength(1);
    expect([rogue.heard, rogue.connected()]).toEqual([[], []]);
  });

  it('a device that is announced falsely proves nothing, and is told nothing', async () => {
    const home = await household();
    const { air, clock, attacker } = home;
    await home.laptop.device.stop();
    await clock.advance(2_000);
    const heard: Uint8Array[] = [];
    const impostor = air.technology(LAPTOP_ID);
    await impostor.start({
      sighted: () => {},
      lost: () => {},
      problem: () => {},
      accepted: (link) =>
        link.open({
          frame: (octets) => {
            heard.push(octets);
            // What the laptop and the phone once said to one another, as good as anything the impostor can make.
            for (const old of attacker.between('air', LAPTOP_ID, PHONE_ID).slice(0, 40)) link.send(old.octets);
          },
          closed: () => {},
        }),
    });
    impostor.announce({ mode: 3, pairing: true });
    await clock.advance(60_000);
    expect(heard.length).toBeGreaterThan(0);
    expect(home.phone.device.linkTo(LAPTOP_ID)).toBeUndefined();
    // Frames in clear only: nothing that is meant for somebody proven.
    expect(new Set(heard.map(([type]) => type))).toEqual(new Set([0]));
    expect(home.phone.device.state.pairings().size).toBe(1);
  });
});

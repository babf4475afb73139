import { once } from 'node:events';
import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { closed, device, failure, keys, next, phone, rawSocket, reachableDevice, received, startBroker, tlsSocket } from './rig.js';

const CONNECT = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: phone, keepalive: 30 });
const CONNACK_OK = Buffer.from([0x20, 2, 0, 0]);
/** Fixed header of a PUBLISH of 200 MB. */
const HUGE = Buffer.from([0x32, 0x80, 0xe1, 0xf3, 0x5f]);

describe('frames that are too long', () => {
  it('are cut off before CONNECT, whatever comes after them', async () => {
    const rig = await startBroker();
    const socket = await tlsSocket(rig);
    socket.write(Buffer.concat([Buffer.from([0x10]), HUGE.subarray(1)]));
    const filler = Buffer.alloc(65_536);
    const writing = setInterval(() => socket.write(filler), 0);
    await closed(socket);
    clearInterval(writing);
    await expect
      .poll(() => rig.broker.stats())
      .toMatchObject({ connections: 0, pending: 0, parsedOctets: 0, refused: { 'frame-size': 1 } });
  });

  it('are cut off after CONNECT, and nothing of them reaches the parser', async () => {
    const rig = await startBroker();
    const socket = await tlsSocket(rig);
    socket.write(CONNECT);
    expect(await once(socket, 'data')).toEqual([CONNACK_OK]);
    socket.write(HUGE);
    const filler = Buffer.alloc(65_536);
    const writing = setInterval(() => socket.write(filler), 0);
    await closed(socket);
    clearInterval(writing);
    await expect
      .poll(() => rig.broker.stats())
      .toMatchObject({ connections: 0, parsedOctets: CONNECT.length, refused: { 'frame-size': 1 } });
    expect(rig.handler.payloads).toEqual([]);
  });

  it('begin at 64 KiB', async () => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone);
    const header = 2 + 'cpns/v1/phone-1/up'.length + 2;
    await client.publishAsync('cpns/v1/phone-1/up', Buffer.alloc(65_536 - header), { qos: 1 });
    expect(rig.handler.payloads[0]?.payload.length).toBe(65_536 - header);
    client.publish('cpns/v1/phone-1/up', Buffer.alloc(65_536 - header + 1), { qos: 1 }, () => {});
    await next(client, 'close');
    expect(rig.handler.payloads).toHaveLength(1);
  });
});

describe('floods', () => {
  it('of frames end the connection of the one who sends them', async () => {
    const rig = await startBroker({ framesPerSecondPerDevice: 1, frameBurstPerDevice: 50 });
    const socket = await tlsSocket(rig);
    socket.write(CONNECT);
    await once(socket, 'data');
    socket.write(Buffer.concat(Array.from({ length: 60 }, () => generate({ cmd: 'pingreq' }))));
    await closed(socket);
    expect(rig.broker.stats().refused['frame-rate']).toBe(1);
  });

  it('of messages are worked on a few at a time, in order', async () => {
    const rig = await startBroker({ uplinkConcurrencyPerDevice: 4 });
    let running = 0;
    let most = 0;
    rig.handler.take = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    const client = await reachableDevice(rig, phone);
    const count = 500;
    await Promise.all(
      Array.from({ length: count }, (_, i) => client.publishAsync('cpns/v1/phone-1/up', Buffer.from([i >> 8, i & 255]), { qos: 1 })),
    );
    expect(most).toBe(4);
    expect(rig.handler.payloads.map(({ payload }) => ((payload[0] as number) << 8) | (payload[1] as number))).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  });

  it('of handshakes from one address are turned away before TLS', async () => {
    const rig = await startBroker({ handshakesPerSecondPerAddress: 1, handshakeBurstPerAddress: 3 });
    const sockets = await Promise.all(Array.from({ length: 8 }, () => rawSocket(rig)));
    await Promise.all(sockets.slice(3).map(closed));
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 3, refused: { 'handshake-rate': 5 } });
  });

  it('of connections stop at the cap, first of unproven ones, then of all', async () => {
    const rig = await startBroker({ maxPendingConnections: 2, maxConnections: 3 });
    await reachableDevice(rig, phone);
    const idle = [await rawSocket(rig), await rawSocket(rig)];
    await closed(await rawSocket(rig));
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 3, pending: 2, refused: { 'connection-cap': 1 } });
    for (const socket of idle) {
      const gone = closed(socket);
      socket.end();
      await gone;
    }
    expect(rig.broker.connected()).toEqual([phone]);
  });
});

describe('connections that do not get to the point', () => {
  it('are closed at the deadline: silent in TCP, silent after TLS, and a CONNECT octet by octet', async () => {
    const rig = await startBroker({ connectTimeoutMs: 400 });
    const silent = await rawSocket(rig);
    const idle = await tlsSocket(rig);
    const slow = await tlsSocket(rig);
    const begunMs = performance.now();
    let at = 0;
    const dripping = setInterval(() => slow.write(CONNECT.subarray(at, ++at)), 40);
    await Promise.all([closed(silent), closed(idle), closed(slow)]);
    clearInterval(dripping);
    expect(performance.now() - begunMs).toBeGreaterThan(100);
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 0, pending: 0 });
    const others = Object.entries(rig.broker.stats().refused).filter(([, count]) => count > 0);
    expect(others).toEqual([['connect-deadline', 3]]);
  });

  it('stay when they have connected in time', async () => {
    const rig = await startBroker({ connectTimeoutMs: 150 });
    const client = await reachableDevice(rig, phone);
    await closed(await rawSocket(rig));
    expect(client.connected).toBe(true);
    expect(rig.broker.connected()).toEqual([phone]);
  });

  it('are closed when they speak something else', async () => {
    const rig = await startBroker();
    const plain = await rawSocket(rig);
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await closed(plain);
    const inside = await tlsSocket(rig);
    inside.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] }));
    expect(await received(inside)).toEqual(Buffer.alloc(0));
    expect(rig.broker.stats().refused).toMatchObject({ 'handshake-failed': 1, 'no-connect': 1 });
  });

  it('are closed when they send CONNECT twice, MQTT 5, or what is no MQTT', async () => {
    const rig = await startBroker();
    const twice = await tlsSocket(rig);
    twice.write(CONNECT);
    await once(twice, 'data');
    twice.write(CONNECT);
    await closed(twice);

    const five = await tlsSocket(rig);
    five.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, clientId: phone, keepalive: 30 }));
    await closed(five);

    for (const garbage of [
      [0x10, 4, 0, 9, 9, 9],
      [0x10, 0],
      [0x1f, 12, 0, 4, 0x4d],
    ]) {
      const socket = await tlsSocket(rig);
      socket.write(Buffer.from(garbage));
      socket.end();
      await closed(socket);
    }
    const client = await reachableDevice(rig, phone);
    expect(client.connected).toBe(true);
  });

  it('wherever a handshake breaks off, nothing is left of it', async () => {
    const rig = await startBroker();
    for (let i = 0; i < 5; i++) {
      const socket = await rawSocket(rig);
      // The first octets of a TLS record that promises more.
      socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1].slice(0, i + 1)));
      socket.destroy();
    }
    expect((await failure(device(rig, phone, { psk: keys.get(phone) as Uint8Array, clientId: 'other-3' }))).code).toBe(2);
    const client = await reachableDevice(rig, phone);
    await client.endAsync();
    await rig.handler.until(() => rig.handler.log.length === 2);
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 0, pending: 0, reachable: 0 });
  });
});

describe('a device that does not read', () => {
  it('gets nothing more once enough waits for it, and is disconnected in the end', async () => {
    const rig = await startBroker({ maxUnsentOctetsPerDevice: 65_536, drainTimeoutMs: 300 });
    const client = await reachableDevice(rig, phone);
    client.stream.pause();
    const gone = rig.handler.until(() => rig.handler.log.includes('-phone-1'));
    const payload = new Uint8Array(16_000);
    const results: Promise<boolean>[] = [];
    // Loopback takes in some megabytes before the socket is full.
    for (let i = 0; i < 1000; i++) results.push(rig.broker.publish(phone, payload));
    await gone;
    const sent = await Promise.all(results);
    expect(sent).toContain(false);
    expect(await rig.broker.publish(phone, payload)).toBe(false);
  });
});

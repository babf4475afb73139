import { once } from 'node:events';
import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { EmbeddedBroker } from '../../src/broker/embedded-broker.js';
import { closed, device, laptop, next, phone, RecordingHandler, reachableDevice, startBroker, tlsSocket } from './rig.js';

const UP = 'cpns/v1/phone-1/up';
const CONNECT = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: phone, keepalive: 30 });

describe('PUBACK', () => {
  it('leaves only after the handler has finished', async () => {
    const rig = await startBroker();
    let finish = () => {};
    rig.handler.take = () => new Promise((resolve) => (finish = resolve));
    const socket = await tlsSocket(rig);
    socket.write(CONNECT);
    await once(socket, 'data');
    const answers: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk));
    socket.write(generate({ cmd: 'publish', topic: UP, payload: 'x', qos: 1, messageId: 7, dup: false, retain: false }));
    await rig.handler.until(() => rig.handler.payloads.length === 1);
    // Another device's round trip shows that the broker had every chance to answer.
    const other = await reachableDevice(rig, laptop);
    const message = next(other, 'message');
    await rig.broker.publish(laptop, new Uint8Array([1]));
    await message;
    expect(answers).toEqual([]);
    finish();
    await once(socket, 'data');
    expect(Buffer.concat(answers)).toEqual(generate({ cmd: 'puback', messageId: 7 }));
  });

  it('does not come when the handler fails; the device is disconnected and repeats', async () => {
    const rig = await startBroker();
    rig.handler.take = () => Promise.reject(new Error('disk full'));
    const socket = await tlsSocket(rig);
    socket.write(CONNECT);
    await once(socket, 'data');
    const answers: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk));
    socket.write(generate({ cmd: 'publish', topic: UP, payload: 'x', qos: 1, messageId: 7, dup: false, retain: false }));
    await closed(socket);
    expect(answers).toEqual([]);
    await expect.poll(() => rig.broker.stats()).toMatchObject({ uplinkMessages: 0, refused: { 'handler-failed': 1 } });

    rig.handler.take = async () => {};
    const client = await reachableDevice(rig, phone);
    await client.publishAsync(UP, 'x', { qos: 1 });
    expect(rig.handler.payloads).toHaveLength(2);
  });

  it('does not hold up other messages that are done', async () => {
    const rig = await startBroker();
    let finish = () => {};
    rig.handler.take = (_from, payload) => (payload[0] === 1 ? new Promise((resolve) => (finish = resolve)) : Promise.resolve());
    const client = await reachableDevice(rig, phone);
    const first = client.publishAsync(UP, Buffer.from([1]), { qos: 1 });
    await client.publishAsync(UP, Buffer.from([2]), { qos: 1 });
    finish();
    await first;
  });
});

describe('presence', () => {
  it('begins with the subscription and ends with unsubscription or disconnection', async () => {
    const rig = await startBroker();
    const client = device(rig, phone);
    await next(client, 'connect');
    expect(rig.broker.connected()).toEqual([]);
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(false);
    await client.subscribeAsync('cpns/v1/phone-1/down', { qos: 1 });
    await rig.handler.until(() => rig.handler.log.length === 1);
    await client.unsubscribeAsync('cpns/v1/phone-1/down');
    await rig.handler.until(() => rig.handler.log.length === 2);
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(false);
    await client.subscribeAsync('cpns/v1/phone-1/down', { qos: 1 });
    await client.endAsync();
    await rig.handler.until(() => rig.handler.log.length === 4);
    expect(rig.handler.log).toEqual(['+phone-1', '-phone-1', '+phone-1', '-phone-1']);
  });

  it('is not what a retained state says, neither a stale nor a false one (T5)', async () => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone);
    await client.publishAsync('cpns/v1/phone-1/state', '0', { qos: 1, retain: true });
    expect(rig.broker.connected()).toEqual([phone]);
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(true);
    await client.publishAsync('cpns/v1/phone-1/state', '1', { qos: 1, retain: true });
    client.stream.destroy();
    await rig.handler.until(() => rig.handler.log.includes('-phone-1'));
    expect(rig.broker.connected()).toEqual([]);
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(false);
    expect(rig.handler.log).toEqual(['+phone-1', '-phone-1']);
  });

  it('a handler that fails to note it does no harm', async () => {
    const rig = await startBroker();
    rig.handler.deviceConnected = () => {
      throw new Error('oops');
    };
    const client = device(rig, phone);
    await next(client, 'connect');
    await client.subscribeAsync('cpns/v1/phone-1/down', { qos: 1 });
    await client.publishAsync(UP, 'x', { qos: 1 });
    expect(rig.logger.find('A change of presence could not be handled.', 'error')).toHaveLength(1);
  });
});

describe('a second connection of the same device', () => {
  it('takes over', async () => {
    const rig = await startBroker();
    const first = await reachableDevice(rig, phone);
    const gone = next(first, 'close');
    const second = await reachableDevice(rig, phone);
    await gone;
    await rig.handler.until(() => rig.handler.log.length === 3);
    expect(rig.handler.log).toEqual(['+phone-1', '-phone-1', '+phone-1']);
    const message = next(second, 'message');
    expect(await rig.broker.publish(phone, new Uint8Array([5]))).toBe(true);
    await message;
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 1, reachable: 1 });
  });

  it('sends the will of the first before its own birth', async () => {
    const rig = await startBroker();
    const will = { topic: 'cpns/v1/phone-1/state', payload: Buffer.from('0'), qos: 1 as const, retain: true };
    await reachableDevice(rig, phone, { will });
    const second = await reachableDevice(rig, phone, { will });
    await second.publishAsync('cpns/v1/phone-1/state', '1', { qos: 1, retain: true });
    expect(rig.broker.stats().refused['not-authorized']).toBe(0);
  });

  it('leaves one, however many come at once', async () => {
    const rig = await startBroker();
    const clients = Array.from({ length: 8 }, () => device(rig, phone));
    for (const client of clients) client.on('error', () => {});
    const states = await Promise.all(
      clients.map((client) => Promise.race([next(client, 'connect').then(() => true), next(client, 'close').then(() => false)])),
    );
    expect(states).toContain(true);
    // Whoever is still there now is the one that stays, and works.
    const last = await reachableDevice(rig, phone);
    await last.publishAsync(UP, 'x', { qos: 1 });
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(true);
    await Promise.all(clients.map((client) => (client.connected ? next(client, 'close') : undefined)));
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 1, pending: 0, reachable: 1 });
  });

  it('is in while the first one is just leaving', async () => {
    const rig = await startBroker();
    for (let i = 0; i < 10; i++) {
      const first = await reachableDevice(rig, phone);
      first.stream.destroy();
      await reachableDevice(rig, phone);
      expect(await rig.broker.publish(phone, new Uint8Array([i]))).toBe(true);
    }
  });

  it('keeps its place when the first one leaves at the very moment it comes', async () => {
    const rig = await startBroker();
    const subscribe = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cpns/v1/phone-1/down', qos: 1 }] });
    for (let i = 1; i <= 5; i++) {
      const first = await tlsSocket(rig);
      const second = await tlsSocket(rig);
      first.write(Buffer.concat([CONNECT, subscribe]));
      await rig.handler.until(() => rig.handler.log.length === 4 * i - 3);
      // The CONNECT is read before the end of the first connection, which then leaves while the second one is being let in.
      second.write(Buffer.concat([CONNECT, subscribe]));
      first.destroy();
      await rig.handler.until(() => rig.handler.log.length === 4 * i - 1);
      expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(true);
      second.destroy();
      await rig.handler.until(() => rig.handler.log.length === 4 * i);
      await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 0, reachable: 0 });
    }
  });

  it('is not there for a device that proved to be another one', async () => {
    const rig = await startBroker();
    const first = await reachableDevice(rig, phone);
    const intruder = device(rig, laptop, { clientId: phone });
    const [error] = await next(intruder, 'error');
    expect(error).toMatchObject({ code: 2 });
    await first.publishAsync(UP, 'x', { qos: 1 });
    expect(rig.broker.connected()).toEqual([phone]);
  });
});

describe('starting and stopping', () => {
  it('a restart on the same port finds the devices again', async () => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone, { reconnectPeriod: 20 });
    const lost = next(client, 'close');
    await rig.broker.stop();
    await rig.broker.stop();
    await lost;
    expect(rig.handler.log).toEqual(['+phone-1', '-phone-1']);
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(false);
    const again = await startBroker({ port: rig.address.port });
    await next(client, 'connect');
    await again.handler.until(() => again.handler.log.includes('+phone-1'));
    await client.publishAsync(UP, 'x', { qos: 1 });
    expect(again.handler.payloads).toHaveLength(1);
  });

  it('says so when the port is taken or the address is not there', async () => {
    const rig = await startBroker();
    await expect(startBroker({ port: rig.address.port })).rejects.toMatchObject({
      family: 'Config',
      code: 'AddressInUse',
      message: `Port ${rig.address.port} is taken: stop the other program, or choose another port with uplink.port.`,
    });
    await expect(startBroker({ host: '192.0.2.1' })).rejects.toMatchObject({ family: 'Config', code: 'AddressRefused' });
  });

  it('resolves disconnect for a device that is not there', async () => {
    const rig = await startBroker();
    await rig.broker.disconnect(laptop);
    expect(rig.broker).toBeInstanceOf(EmbeddedBroker);
    expect(rig.handler).toBeInstanceOf(RecordingHandler);
  });

  it('disconnect ends what has only finished its handshake too', async () => {
    const rig = await startBroker();
    const socket = await tlsSocket(rig);
    await rig.broker.disconnect(phone);
    await closed(socket);
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 0, pending: 0 });
  });
});

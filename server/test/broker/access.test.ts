import { describe, expect, it } from 'vitest';
import { BAD_RECORD_MAC, device, failure, laptop, next, phone, reachableDevice, startBroker, tlsAlert } from './rig.js';

describe('who gets in', () => {
  it('a device with its key publishes and is reached', async () => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone);
    await client.publishAsync('cpns/v1/phone-1/up', Buffer.from([1, 2, 3]), { qos: 1 });
    expect(rig.handler.payloads).toEqual([{ from: phone, payload: new Uint8Array([1, 2, 3]) }]);
    expect(rig.handler.payloads[0]?.payload.constructor).toBe(Uint8Array);

    const message = next(client, 'message');
    expect(await rig.broker.publish(phone, new Uint8Array([9]))).toBe(true);
    const [topic, payload] = await message;
    expect(topic).toBe('cpns/v1/phone-1/down');
    expect(payload).toEqual(Buffer.from([9]));
    expect(rig.broker.connected()).toEqual([phone]);
    await expect
      .poll(() => rig.broker.stats())
      .toMatchObject({ connections: 1, pending: 0, reachable: 1, uplinkMessages: 1, downlinkMessages: 1 });
  });

  it('wrong key and unknown identity fail alike', async () => {
    const rig = await startBroker();
    const wrongKey = await failure(device(rig, phone, { psk: new Uint8Array(32) }));
    const unknown = await failure(device(rig, phone, { identity: 'nobody-here' }));
    const noIdentity = await failure(device(rig, phone, { identity: '../../etc' }));
    expect([wrongKey, unknown, noIdentity].map(tlsAlert)).toEqual([BAD_RECORD_MAC, BAD_RECORD_MAC, BAD_RECORD_MAC]);
    expect(rig.broker.stats().refused['handshake-failed']).toBe(3);
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 0, pending: 0 });
  });

  it('no client that offers other ciphers, or TLS 1.3', async () => {
    const rig = await startBroker();
    for (const options of [
      { ciphers: 'PSK-AES128-GCM-SHA256' },
      { ciphers: 'TLS_AES_256_GCM_SHA384', minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
    ]) {
      const error = await failure(device(rig, phone, options as object));
      expect(error.message).toMatch(/alert|handshake|closed|version/i);
    }
    expect(rig.broker.stats().refused['handshake-failed']).toBe(2);
  });

  it('a client id that is not the identity is answered with "identifier rejected"', async () => {
    const rig = await startBroker();
    expect((await failure(device(rig, phone, { clientId: 'laptop-2' }))).code).toBe(2);
    expect((await failure(device(rig, phone, { clientId: '' }))).code).toBe(2);
    expect((await failure(device(rig, phone, { clientId: '__proto__' }))).code).toBe(2);
    expect(rig.broker.stats().refused['client-id']).toBe(3);
  });

  it('a device that keeps no session on the broker: nothing waits there for it', async () => {
    const rig = await startBroker();
    const first = await reachableDevice(rig, phone, { clean: false });
    await first.endAsync(true);
    await rig.handler.until(() => rig.handler.log.length === 2);
    expect(await rig.broker.publish(phone, new Uint8Array([1]))).toBe(false);
    const again = device(rig, phone, { clean: false });
    const [connack] = await next(again, 'connect');
    expect(connack).toMatchObject({ sessionPresent: false });
  });

  it('no device whose keep-alive is off or too long', async () => {
    const rig = await startBroker({ keepaliveLimitS: 60 });
    for (const keepalive of [0, 61]) expect((await failure(device(rig, phone, { keepalive }))).message).not.toBe('');
    await reachableDevice(rig, phone, { keepalive: 60 });
  });

  it('a revoked device neither stays nor comes back, not even with an old TLS session', async () => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone);
    const session = (client.stream as unknown as { getSession(): Buffer | undefined }).getSession();
    const gone = next(client, 'close');
    rig.known.delete(phone);
    await rig.broker.disconnect(phone);
    await gone;
    expect(rig.broker.connected()).toEqual([]);
    const error = await failure(device(rig, phone, session === undefined ? {} : ({ session } as object)));
    expect(tlsAlert(error)).toBe(BAD_RECORD_MAC);
  });
});

describe('what a device may do', () => {
  it.each([
    'cpns/v1/laptop-2/up',
    'cpns/v1/phone-1/down',
    'cpns/v1/laptop-2/state',
    'cpns/v1/data/00112233445566778899aabbccddeeff/phone-1/c',
    '$SYS/broker/new/clients',
    'anything',
    'a/b/c/d/e/f/g/h/i/j',
  ])('publishing to %s disconnects it', async (topic) => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone);
    const gone = next(client, 'close');
    client.publish(topic, 'x', { qos: 1 }, () => {});
    await gone;
    expect(rig.handler.payloads).toEqual([]);
  });

  it.each([
    ['QoS 0', { qos: 0 as const, retain: false }, 'x'],
    ['QoS 2', { qos: 2 as const, retain: false }, 'x'],
    ['the retain flag', { qos: 1 as const, retain: true }, 'x'],
    ['nothing in it', { qos: 1 as const, retain: false }, ''],
  ])('a message with %s disconnects it', async (_what, flags, payload) => {
    const rig = await startBroker();
    const client = await reachableDevice(rig, phone);
    const gone = next(client, 'close');
    client.publish('cpns/v1/phone-1/up', payload, flags, () => {});
    await gone;
    expect(rig.handler.payloads).toEqual([]);
    expect(rig.broker.stats().refused['not-authorized']).toBe(1);
  });

  it.each([
    '#',
    '+/+/+/+',
    'cpns/v1/+/down',
    'cpns/v1/#',
    'cpns/v1/phone-1/#',
    'cpns/v1/phone-1/+',
    'cpns/v1/phone-1/up',
    'cpns/v1/phone-1/state',
    'cpns/v1/laptop-2/down',
    '$SYS/#',
    '$SYS/+/new/clients',
    '$share/g/cpns/v1/phone-1/down',
  ])('subscribing to %s is refused and delivers nothing', async (filter) => {
    const rig = await startBroker();
    const client = device(rig, phone);
    await next(client, 'connect');
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    const error = await client.subscribeAsync(filter, { qos: 1 }).then(
      () => undefined,
      (cause: Error) => cause,
    );
    expect(error?.message).toMatch(/Unspecified error|Subscribe error/);
    // Whatever the broker says of itself, and what another device does, must not arrive.
    const other = await reachableDevice(rig, laptop, {
      will: { topic: 'cpns/v1/laptop-2/state', payload: Buffer.from('0'), qos: 1, retain: true },
    });
    await other.publishAsync('cpns/v1/laptop-2/state', '1', { qos: 1, retain: true });
    await other.publishAsync('cpns/v1/laptop-2/up', 'secret', { qos: 1 });
    await rig.broker.publish(laptop, new Uint8Array([1]));
    other.stream.destroy();
    await rig.handler.until(() => rig.handler.log.includes('-laptop-2'));
    await client.subscribeAsync('cpns/v1/phone-1/down', { qos: 1 });
    const last = next(client, 'message');
    await rig.broker.publish(phone, new Uint8Array([7]));
    await last;
    expect(heard).toEqual(['cpns/v1/phone-1/down']);
    expect(rig.broker.stats().refused['not-authorized']).toBe(1);
  });

  it('a list of filters is granted one by one', async () => {
    const rig = await startBroker();
    const client = device(rig, phone);
    await next(client, 'connect');
    const grants = new Promise<number[]>((resolve) => {
      client.on('packetreceive', (packet) => {
        if (packet.cmd === 'suback') resolve(packet.granted as number[]);
      });
    });
    client.subscribe({ 'cpns/v1/laptop-2/down': { qos: 1 }, 'cpns/v1/phone-1/down': { qos: 1 }, '#': { qos: 0 } }, () => {});
    expect(await grants).toEqual([128, 1, 128]);
    await rig.handler.until(() => rig.handler.log.includes('+phone-1'));
  });

  it.each([
    ['another device', { topic: 'cpns/v1/laptop-2/state', payload: Buffer.from('x'), qos: 1 as const, retain: true }],
    ['its own up topic', { topic: 'cpns/v1/phone-1/up', payload: Buffer.from('x'), qos: 1 as const, retain: false }],
    ['the system', { topic: '$SYS/x', payload: Buffer.from('x'), qos: 1 as const, retain: true }],
    ['its state, too long', { topic: 'cpns/v1/phone-1/state', payload: Buffer.alloc(257), qos: 1 as const, retain: true }],
    ['its state with QoS 2', { topic: 'cpns/v1/phone-1/state', payload: Buffer.from('x'), qos: 2 as const, retain: true }],
  ])('a will for %s is refused at CONNECT', async (_what, will) => {
    const rig = await startBroker();
    expect((await failure(device(rig, phone, { will }))).code).toBe(5);
    expect(rig.broker.stats().refused['not-authorized']).toBe(1);
    expect(rig.handler.payloads).toEqual([]);
  });

  it('birth and will of its own state are taken, and a long state is not', async () => {
    const rig = await startBroker();
    const will = { topic: 'cpns/v1/phone-1/state', payload: Buffer.from('0'), qos: 1 as const, retain: true };
    const client = await reachableDevice(rig, phone, { will });
    await client.publishAsync('cpns/v1/phone-1/state', '1', { qos: 1, retain: true });
    client.stream.destroy();
    await rig.handler.until(() => rig.handler.log.includes('-phone-1'));
    expect(rig.broker.stats().refused['not-authorized']).toBe(0);
    const again = await reachableDevice(rig, phone);
    const gone = next(again, 'close');
    again.publish('cpns/v1/phone-1/state', Buffer.alloc(257), { qos: 1, retain: true }, () => {});
    await gone;
    expect(rig.broker.stats().refused['not-authorized']).toBe(1);
  });
});

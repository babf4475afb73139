import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { closed, phone, reachableDevice, startBroker, tlsSocket } from './rig.js';

const CONNECT: Packet = {
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  clientId: phone,
  keepalive: 30,
  will: { topic: 'cpns/v1/phone-1/state', payload: Buffer.from('0'), qos: 1, retain: true },
};
const FRAMES: readonly Packet[] = [
  CONNECT,
  { cmd: 'publish', topic: 'cpns/v1/phone-1/up', payload: 'abc', qos: 1, messageId: 3, dup: false, retain: false },
  { cmd: 'publish', topic: 'cpns/v1/phone-1/up', payload: 'abc', qos: 2, messageId: 4, dup: true, retain: false },
  { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cpns/v1/phone-1/down', qos: 1 }] },
  { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['cpns/v1/phone-1/down', '__proto__', 'a/+/b'] },
  { cmd: 'puback', messageId: 9 },
  { cmd: 'pubrec', messageId: 9 },
  { cmd: 'pubrel', messageId: 9 },
  { cmd: 'pubcomp', messageId: 9 },
  { cmd: 'pingreq' },
  { cmd: 'suback', messageId: 1, granted: [1] },
  { cmd: 'connack', returnCode: 0, sessionPresent: false },
  { cmd: 'disconnect' },
];

describe('a device that sends garbage', () => {
  it('harms nobody but itself', async () => {
    const rig = await startBroker({ connectTimeoutMs: 500 });
    const random = new InsecureSeededEntropy('garbage');
    const below = (limit: number) => new DataView(random.bytes(4).buffer).getUint32(0) % limit;
    const corpus = FRAMES.map((frame) => generate(frame));
    for (let run = 0; run < 250; run++) {
      const frames = Array.from({ length: 1 + below(4) }, () => corpus[below(corpus.length)] as Buffer);
      // Most runs get past CONNECT.
      const octets = Buffer.concat(below(4) === 0 ? frames : [corpus[0] as Buffer, ...frames]);
      for (let change = below(5); change > 0; change--) octets[below(octets.length)] = below(256);
      const socket = await tlsSocket(rig);
      socket.end(below(4) === 0 ? octets.subarray(0, below(octets.length)) : octets);
      await closed(socket);
    }
    await expect.poll(() => rig.broker.stats()).toMatchObject({ connections: 0, pending: 0, reachable: 0 });
    for (const { payload } of rig.handler.payloads) expect(payload.length).toBeGreaterThan(0);
    const client = await reachableDevice(rig, phone);
    await client.publishAsync('cpns/v1/phone-1/up', 'x', { qos: 1 });
    expect(rig.logger.find('The broker failed.')).toEqual([]);
  });
});

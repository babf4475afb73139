import { DownlinkGuard } from '@cpns/agent';
import { defaultSettings, FrameGuard } from '@cpns/server';
import { TokenBucket } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { generate, type Packet, parser } from 'mqtt-packet';
import { must } from '../oracle.js';
import type { FuzzTarget } from '../target.js';

const { maxFrameOctets, framesPerSecondPerDevice, frameBurstPerDevice } = defaultSettings().uplink;
const CONNECT: Packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: 'phone', keepalive: 30 };
const PACKETS: Readonly<Record<string, readonly Packet[]>> = {
  connect: [CONNECT],
  publish: [
    CONNECT,
    { cmd: 'publish', topic: 'cpns/v1/phone/up', payload: Buffer.alloc(300), qos: 1, messageId: 3, dup: false, retain: false },
  ],
  subscribe: [CONNECT, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cpns/v1/phone/down', qos: 1 }] }],
  acknowledge: [CONNECT, { cmd: 'puback', messageId: 9 }, { cmd: 'pingreq' }, { cmd: 'disconnect' }],
  downlink: [
    { cmd: 'connack', returnCode: 0, sessionPresent: false },
    { cmd: 'suback', messageId: 1, granted: [1] },
    { cmd: 'publish', topic: 'cpns/v1/phone/down', payload: Buffer.alloc(200), qos: 1, messageId: 1, dup: false, retain: false },
  ],
};

const clock = new VirtualClock();

/** Says of octets that come in such portions whether all may go on to the parser. */
type Guard = (portions: readonly Uint8Array[]) => boolean;

const fromDevice: Guard = (portions) => {
  const guard = new FrameGuard(maxFrameOctets, new TokenBucket(clock, framesPerSecondPerDevice, frameBurstPerDevice));
  return portions.every((portion) => guard.accept(portion) === undefined);
};
const fromBroker: Guard = (portions) => {
  const guard = new DownlinkGuard();
  return portions.every((portion) => guard.accepts(portion));
};

/** What the MQTT parser makes of octets that passed: packets, never with more in hand than one frame, or an error, which ends the connection. */
function parse(octets: Uint8Array): void {
  const mqtt = parser({ protocolVersion: 4 });
  let failed = false;
  mqtt.on('error', () => {
    failed = true;
  });
  const waiting = mqtt.parse(Buffer.from(octets));
  must(failed || waiting <= maxFrameOctets + 2_048, 'the parser collects more than one frame');
}

/** The MQTT door of both sides: what passes the guard in one portion passes it in any, and the parser stands it. */
export const mqttFrames: FuzzTarget = {
  name: 'mqtt-frames',
  title: 'MQTT frames in front of the parser, at the broker and at the device',
  seeds: () => new Map(Object.entries(PACKETS).map(([name, packets]) => [name, Buffer.concat(packets.map((packet) => generate(packet)))])),
  open: () => ({
    fuzz(data) {
      const middle = data.length >> 1;
      const short = data.subarray(0, 2_000);
      for (const guard of [fromDevice, fromBroker]) {
        const passes = guard([data]);
        must(guard([data.subarray(0, middle), data.subarray(middle)]) === passes, 'what passes depends on the portions');
        must(guard([short]) === guard(Array.from(short, (octet) => new Uint8Array([octet]))), 'what passes depends on the portions');
        if (passes) parse(data);
      }
    },
  }),
};

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Clock, CpnsError, type EntityId, type HostPort } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAX_UPLINK_PAYLOAD_OCTETS, MqttUplink } from '../../src/uplink/mqtt-uplink.js';
import { pskBroker, pskServer } from '../support/psk-broker.js';

const entityId = 'board-1' as EntityId;
const key = new Uint8Array(32).fill(7);
const keys = { [entityId]: key };
const octets = (text: string) => new TextEncoder().encode(text);

/** An uplink with everything that it reports, in order. */
function uplinkTo(addresses: () => readonly HostPort[], options: { key?: Uint8Array; clock?: Clock } = {}) {
  const logger = new MemoryLogger();
  const uplink = new MqttUplink({
    identity: { entityId, key: new Secret('K_tls', options.key ?? key) },
    resolve: async () => addresses(),
    clock: options.clock ?? new SystemClock(),
    entropy: new InsecureSeededEntropy(1),
    logger,
  });
  onTestFinished(() => uplink.stop());
  const reports: string[] = [];
  let wake = () => {};
  const report = (text: string) => {
    reports.push(text);
    wake();
  };
  return {
    uplink,
    logger,
    reports,
    start: () =>
      uplink.start({
        connected: () => report('connected'),
        disconnected: (reason) => report(`disconnected: ${reason}`),
        message: (payload) => report(`message: ${new TextDecoder().decode(payload)}`),
      }),
    /** Resolves with the report number `count`, from 1. */
    report: async (count: number): Promise<string> => {
      while (reports.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return reports[count - 1] as string;
    },
  };
}

const at = (port: number) => () => [{ host: '127.0.0.1', port }];

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('connecting', () => {
  it('subscribes, then leaves its birth, then reports', async () => {
    const broker = await pskBroker(keys);
    const { start, report } = uplinkTo(at(broker.port));
    start();
    expect(await report(1)).toBe('connected');
    expect(broker.seen).toEqual([`subscribe cpns/v1/${entityId}/down`, `publish cpns/v1/${entityId}/state online retained`]);
  });

  it('carries payloads both ways', async () => {
    const broker = await pskBroker(keys);
    const { uplink, start, report } = uplinkTo(at(broker.port));
    start();
    await report(1);
    await uplink.publish(octets('hello'));
    expect(broker.seen.at(-1)).toBe(`publish cpns/v1/${entityId}/up hello`);
    await broker.publish(`cpns/v1/${entityId}/down`, 'welcome');
    expect(await report(2)).toBe('message: welcome');
  });

  it('keeps what the server sends before the birth is acknowledged until connected was reported', async () => {
    const broker = await pskBroker(keys, {
      authorizePublish: (_client, packet, done) => {
        if (packet.topic.endsWith('/state')) void broker.publish(`cpns/v1/${entityId}/down`, 'early').then(() => done(null));
        else done(null);
      },
    });
    const { start, report } = uplinkTo(at(broker.port));
    start();
    expect([await report(1), await report(2)]).toEqual(['connected', 'message: early']);
  });

  it('goes to the next address when the first does not answer', async () => {
    const broker = await pskBroker(keys);
    const dead = await freePort();
    const { start, report } = uplinkTo(() => [...at(dead)(), ...at(broker.port)()]);
    start();
    expect(await report(1)).toBe('connected');
  });

  it('survives a listener that throws', async () => {
    const broker = await pskBroker(keys);
    const { uplink, logger } = uplinkTo(at(broker.port));
    await new Promise<void>((resolve) =>
      uplink.start({
        connected: () => {
          resolve();
          throw new Error('broken');
        },
        disconnected: () => {},
        message: () => {},
      }),
    );
    await uplink.publish(octets('still here'));
    expect(logger.find('a listener of the uplink failed', 'error')).toHaveLength(1);
  });
});

describe('what a person is told', () => {
  it.each([
    { what: 'a wrong key', known: { [entityId]: new Uint8Array(32).fill(8) } },
    { what: 'an unknown device', known: {} },
  ])('about $what', async ({ known }) => {
    const broker = await pskBroker(known);
    const { start, report } = uplinkTo(at(broker.port));
    start();
    expect(await report(1)).toBe(
      `disconnected: The server at 127.0.0.1:${broker.port} does not accept the key of this device: the device is unknown or revoked there; enrol it again.`,
    );
    expect(broker.seen).toEqual([]);
  });

  it('about a port where nothing listens', async () => {
    const port = await freePort();
    const { start, report } = uplinkTo(at(port));
    start();
    expect(await report(1)).toBe(
      `disconnected: The server at 127.0.0.1:${port} cannot be reached: nothing listens there; check that it runs.`,
    );
  });

  it('about something that is no CPNS Server', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('SSH-2.0-hello\r\n');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { start, report } = uplinkTo(at(port));
    start();
    expect(await report(1)).toBe(`disconnected: What answers at 127.0.0.1:${port} is no CPNS Server; check the address.`);
  });

  it('about a server that refuses the device', async () => {
    const broker = await pskBroker(keys, {
      authenticate: (_client, _user, _password, done) => done(Object.assign(new Error('revoked'), { returnCode: 5 }), false),
    });
    const { start, report } = uplinkTo(at(broker.port));
    start();
    expect(await report(1)).toBe(
      'disconnected: The server refused this device: it is unknown or revoked there, or runs twice; look at its log.',
    );
  });

  it('about a server that refuses the subscription', async () => {
    const broker = await pskBroker(keys, { authorizeSubscribe: (_client, _subscription, done) => done(null, null) });
    const { start, report } = uplinkTo(at(broker.port));
    start();
    expect(await report(1)).toBe('disconnected: The server does not let this device hear its own messages; look at its log.');
  });

  it('when no server is known', async () => {
    const { start, report } = uplinkTo(() => []);
    start();
    expect(await report(1)).toBe('disconnected: No CPNS Server is known: set server.address in the configuration.');
  });

  it.each([
    {
      what: 'takes the TCP connection and is silent',
      tls: false,
      limitMs: 5000,
      says: /^The server at .* does not answer: check that it runs/,
    },
    {
      what: 'takes the TLS connection and is silent',
      tls: true,
      limitMs: 10_000,
      says: 'The server took the connection but does not answer; look at its log.',
    },
  ])('about a server that $what', async ({ tls, limitMs, says }) => {
    const clock = new VirtualClock();
    let taken = () => {};
    const reached = new Promise<void>((resolve) => {
      taken = resolve;
    });
    let port: number;
    if (tls) port = (await pskServer(keys, (socket) => void socket.once('data', taken))).port;
    else {
      const server = createServer((socket) => void socket.once('data', taken).on('error', () => {})).listen(0, '127.0.0.1');
      onTestFinished(() => void server.close());
      await once(server, 'listening');
      port = (server.address() as AddressInfo).port;
    }
    const { start, report } = uplinkTo(at(port), { clock });
    start();
    await reached;
    await clock.advance(limitMs);
    expect((await report(1)).replace('disconnected: ', '')).toMatch(says);
  });
});

describe('staying connected', () => {
  it('finds a server that comes later, after at least a second', async () => {
    const clock = new VirtualClock();
    const port = await freePort();
    const { start, report, reports } = uplinkTo(at(port), { clock });
    start();
    await report(1);
    const broker = await pskBroker(keys, {}, port);
    await clock.advance(1000);
    expect(reports).toHaveLength(1);
    await clock.advance(1000);
    expect(await report(2)).toBe('connected');
    await broker.until(`publish cpns/v1/${entityId}/state online retained`);
  });

  it('comes back after a restart of the broker, subscribes and says hello again', async () => {
    const clock = new VirtualClock();
    const first = await pskBroker(keys);
    const { uplink, start, report } = uplinkTo(at(first.port), { clock });
    start();
    await report(1);
    await first.close();
    expect(await report(2)).toBe('disconnected: The connection to the server broke.');
    await expect(uplink.publish(octets('lost'))).rejects.toMatchObject({ family: 'Transport', code: 'UplinkDown', retryable: true });

    const second = await pskBroker(keys, {}, first.port);
    await clock.advance(2000);
    expect(await report(3)).toBe('connected');
    expect(second.seen).toEqual([`subscribe cpns/v1/${entityId}/down`, `publish cpns/v1/${entityId}/state online retained`]);
    await uplink.publish(octets('found'));
    expect(second.seen.at(-1)).toBe(`publish cpns/v1/${entityId}/up found`);
  });

  it('waits longer and longer, but never more than 30 s', async () => {
    const clock = new VirtualClock();
    const { start, report } = uplinkTo(() => [], { clock });
    start();
    for (let count = 1; count <= 30; count++) {
      await report(count);
      await clock.advance(30_000);
    }
  });

  it('gives a broker up that sends more than it may', async () => {
    // CONNACK, then a PUBLISH that claims 128 MiB.
    const server = await pskServer(keys, (socket) =>
      socket.once('data', () => socket.write(Buffer.from([0x20, 2, 0, 0, 0x30, 0x80, 0x80, 0x80, 0x40]))),
    );
    const { start, report } = uplinkTo(at(server.port));
    start();
    expect(await report(1)).toBe('disconnected: The broker sent a frame that no CPNS Server sends.');
  });
});

describe('publishing', () => {
  it('fails while there is no connection, and when the message is too long', async () => {
    const { uplink } = uplinkTo(() => []);
    await expect(uplink.publish(octets('x'))).rejects.toMatchObject({ code: 'UplinkDown' });
    await expect(uplink.publish(new Uint8Array(MAX_UPLINK_PAYLOAD_OCTETS + 1))).rejects.toMatchObject({ code: 'TooLong' });
  });

  it('fails when the connection ends before the PUBACK', async () => {
    const broker = await pskBroker(keys, {
      authorizePublish: (client, packet, done) => (packet.topic.endsWith('/up') ? client?.close() : done(null)),
    });
    const { uplink, start, report } = uplinkTo(at(broker.port));
    start();
    await report(1);
    await expect(uplink.publish(octets('x'))).rejects.toMatchObject({ family: 'Transport', code: 'UplinkLost' });
    expect(await report(2)).toBe('disconnected: The connection to the server broke.');
  });

  it('fails after 10 s without a PUBACK, and the connection is made anew', async () => {
    const clock = new VirtualClock();
    let taken = () => {};
    const reached = new Promise<void>((resolve) => {
      taken = resolve;
    });
    const broker = await pskBroker(keys, {
      authorizePublish: (_client, packet, done) => (packet.topic.endsWith('/up') ? taken() : done(null)),
    });
    const { uplink, start, report } = uplinkTo(at(broker.port), { clock });
    start();
    await report(1);
    const outcome = uplink.publish(octets('x')).catch((error: unknown) => error);
    await reached;
    await clock.advance(10_000);
    expect(await outcome).toMatchObject({ family: 'Timeout', message: 'The server did not acknowledge a message in time.' });
    expect(await report(2)).toMatch(/^disconnected/);
    await clock.advance(2000);
    expect(await report(3)).toBe('connected');
  });

  it('is bounded', async () => {
    const broker = await pskBroker(keys, {
      authorizePublish: (_client, packet, done) => void (packet.topic.endsWith('/up') || done(null)),
    });
    const { uplink, start, report } = uplinkTo(at(broker.port));
    start();
    await report(1);
    const outcomes = Array.from({ length: 257 }, () => uplink.publish(octets('x')).catch((error: CpnsError) => error.code));
    expect(await outcomes.at(-1)).toBe('UplinkBusy');
  });
});

describe('probe', () => {
  it('proves the key without a word of MQTT', async () => {
    const broker = await pskBroker(keys);
    const { uplink } = uplinkTo(at(broker.port));
    expect(await uplink.probe(new AbortController().signal)).toEqual({ reachable: true, atMonotonicMs: expect.any(Number) });
    expect(broker.seen).toEqual([]);
  });

  it('says why not', async () => {
    const broker = await pskBroker({});
    const { uplink } = uplinkTo(at(broker.port));
    expect(await uplink.probe(new AbortController().signal)).toMatchObject({
      reachable: false,
      reason: expect.stringContaining('does not accept the key of this device'),
    });
  });

  it('can be aborted', async () => {
    const server = createServer(() => stop.abort(new CpnsError('State', 'Aborted', 'Enough.'))).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const stop = new AbortController();
    const { uplink } = uplinkTo(at((server.address() as AddressInfo).port));
    expect(await uplink.probe(stop.signal)).toMatchObject({ reachable: false, reason: 'Enough.' });
  });
});

describe('the end', () => {
  it('takes the birth back', async () => {
    const broker = await pskBroker(keys);
    const { uplink, start, report, reports } = uplinkTo(at(broker.port));
    start();
    await report(1);
    await uplink.stop();
    expect(broker.seen.at(-1)).toBe(`publish cpns/v1/${entityId}/state offline retained`);
    expect(reports).toEqual(['connected']);
  });

  it('leaves a will when it comes suddenly', async () => {
    const broker = await pskBroker(keys, {
      authorizePublish: (client, packet, done) => (packet.topic.endsWith('/up') ? client?.conn.destroy() : done(null)),
    });
    const { uplink, start, report } = uplinkTo(at(broker.port));
    start();
    await report(1);
    await uplink.publish(octets('x')).catch(() => {});
    await broker.until(`publish cpns/v1/${entityId}/state offline retained`);
  });

  it('does not wait for a server that cannot be reached', async () => {
    const { uplink, start, report } = uplinkTo(() => []);
    start();
    await report(1);
    await uplink.stop();
    start();
    await report(2);
  });
});

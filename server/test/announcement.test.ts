import { serverId } from '@cpns/shared';
import { InterfaceWatch, MdnsService, type ServiceSighting, SystemClock, systemEntropy } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { loopback, privatePort } from '../../shared/test/node/mdns/networks.js';
import { announceServer } from '../src/announcement.js';
import { publicAddress } from '../src/public-address.js';

const clock = new SystemClock({ unref: true });

it('announces the server where it listens, with its id, and says goodbye', async () => {
  const port = privatePort();
  const logger = new MemoryLogger();
  const end = await announceServer({
    serverId: serverId('cpns.example.org'),
    address: { host: '127.0.0.1', port: 8883 },
    clock,
    entropy: systemEntropy,
    logger,
    mdnsPort: port,
  });
  const watch = new InterfaceWatch({ clock, interfaces: [loopback.name] });
  let lost = (_name: string) => {};
  const gone = new Promise<string>((resolve) => {
    lost = resolve;
  });
  const sighting = await new Promise<ServiceSighting>((resolve) => {
    const mdns = new MdnsService(
      { clock, entropy: systemEntropy, logger, watch, type: 'cpns-server', accepts: () => true, port },
      { found: resolve, lost: (name) => lost(name) },
    );
    onTestFinished(async () => {
      await mdns.stop();
      watch.stop();
    });
    void watch.start().then(() => mdns.start());
  });
  expect(sighting).toMatchObject({ name: 'cpns-example-org', endpoints: expect.arrayContaining(['127.0.0.1:8883']) });
  expect(Object.fromEntries(sighting.txt)).toMatchObject({ v: '1', id: 'cpns.example.org' });
  await end();
  expect(await gone).toBe('cpns-example-org');
});

it('tells devices the configured address, else where it listens, else an address of this machine', () => {
  expect(publicAddress('cpns.example.org:8883', { host: '::', port: 1 })).toBe('cpns.example.org:8883');
  expect(publicAddress(undefined, { host: '192.0.2.7', port: 8883 })).toBe('192.0.2.7:8883');
  expect(publicAddress(undefined, { host: '::1', port: 8883 })).toBe('[::1]:8883');
  expect(publicAddress(undefined, { host: '::', port: 8883 })).toMatch(/^(?:[\d.]+|\[[\da-f:]+\]):8883$/);
});

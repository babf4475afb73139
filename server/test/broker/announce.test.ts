import { serverId } from '@cpns/shared';
import { InterfaceWatch, MdnsService, type ServiceSighting, SystemClock } from '@cpns/shared/node';
import { InsecureSeededEntropy, MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { announceServer } from '../../src/broker/announce.js';

const clock = new SystemClock();
const entropy = new InsecureSeededEntropy('announce');

describe('the announcement of the server', () => {
  it('is found as _cpns-server._tcp with its id, and goes with a goodbye', async () => {
    const mdnsPort = 20_000 + Math.floor(Math.random() * 10_000);
    const logger = new MemoryLogger();
    const id = serverId('cpns.example.org');
    const announcement = await announceServer({ clock, entropy, logger, serverId: id, port: 8883, interfaces: ['lo'], mdnsPort });
    const watch = new InterfaceWatch({ clock, interfaces: ['lo'] });
    await watch.start();
    let foundIt = (_: ServiceSighting) => {};
    let lostIt = (_: string) => {};
    const found = new Promise<ServiceSighting>((resolve) => {
      foundIt = resolve;
    });
    const lost = new Promise<string>((resolve) => {
      lostIt = resolve;
    });
    const browser = new MdnsService(
      { clock, entropy, logger, watch, type: 'cpns-server', accepts: () => true, port: mdnsPort },
      { found: (sighting) => foundIt(sighting), lost: (name) => lostIt(name) },
    );
    browser.start();
    try {
      const sighting = await found;
      expect(sighting.name).toBe('cpns-example-org');
      expect(sighting.txt).toEqual(
        new Map([
          ['v', '1'],
          ['id', 'cpns.example.org'],
        ]),
      );
      expect(sighting.endpoints[0]).toBe('127.0.0.1:8883');
      await announcement.stop();
      expect(await lost).toBe('cpns-example-org');
      expect(logger.lines.filter((line) => line.level !== 'debug')).toEqual([]);
    } finally {
      await announcement.stop();
      watch.stop();
      await browser.stop();
    }
  });

  it.each(['...', '-', `${'a'.repeat(60)}.org`])('makes a plain instance name of the id %j', async (id) => {
    const announcement = await announceServer({
      clock,
      entropy,
      logger: new MemoryLogger(),
      serverId: serverId(id),
      port: 8883,
      interfaces: ['lo'],
      mdnsPort: 20_000 + Math.floor(Math.random() * 10_000),
    });
    await announcement.stop();
  });
});

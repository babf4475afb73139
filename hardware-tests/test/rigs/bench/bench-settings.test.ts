import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBenchSettings } from '../../../rigs/bench/bench-settings.js';

const EXAMPLE = fileURLToPath(new URL('../../../rigs/bench/bench.config.example.yaml', import.meta.url));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cpns-bench-settings-'));
});
afterAll(() => rm(directory, { recursive: true }));

const LEFT = '  - { name: left, ssh: pi@left, directory: /home/pi/bench }';
const RIGHT = '  - { name: right, ssh: pi@right, directory: /home/pi/bench }';
const SERVER = 'server: { address: 192.168.1.5:8883 }';

async function load(...lines: string[]) {
  const file = join(directory, 'bench.config.yaml');
  await writeFile(file, lines.join('\n'));
  return loadBenchSettings(file);
}

describe('the configuration of the bench', () => {
  it('is read, with the defaults for what is left out', async () => {
    const settings = await load(SERVER, 'hosts:', LEFT, RIGHT);
    expect(settings).toMatchObject({ technologies: ['lan', 'ble'], bothWays: false, server: { address: '192.168.1.5:8883' } });
    expect(settings.hosts[0]).toEqual({
      name: 'left',
      ssh: 'pi@left',
      directory: '/home/pi/bench',
      extra: false,
      node: 'node',
      interfaces: [],
    });
  });

  it('is what the example shows', async () => {
    const { hosts, server } = await loadBenchSettings(EXAMPLE);
    expect(hosts.map(({ name }) => name)).toEqual(['left', 'right', 'desk']);
    expect(server.address).toBe('192.168.1.5:8883');
  });

  it.each([
    ['hosts.1.ssh is missing.', [SERVER, 'hosts:', LEFT, '  - { name: right, directory: /x }']],
    ['server.address is missing.', ['hosts:', LEFT, RIGHT]],
    ['yaml:1: server.address is not HOST:PORT, such as 192.168.1.5:8883.', ['server: { address: desk }', 'hosts:', LEFT, RIGHT]],
    ['yaml:2: hosts has less than 2 items.', [SERVER, 'hosts:', LEFT]],
    [
      'hosts.1.directory is not a whole path, such as /home/pi/cpns-bench.',
      [SERVER, 'hosts:', LEFT, '  - { name: b, ssh: b, directory: bench }'],
    ],
    ['hosts.1.ssh is not a target for ssh.', [SERVER, 'hosts:', LEFT, '  - { name: b, ssh: -oProxyCommand=x, directory: /b }']],
    [
      'hosts.1.adapter is not an address such as b8:27:eb:12:34:56.',
      [SERVER, 'hosts:', LEFT, '  - { name: b, ssh: b, directory: /b, adapter: hci0 }'],
    ],
    ['technologies.0 is not one of lan, ble.', ['technologies: [wifi]', SERVER, 'hosts:', LEFT, RIGHT]],
    ['yaml: two hosts are called left; give each a name of its own.', [SERVER, 'hosts:', LEFT, LEFT]],
    [
      'yaml: right has the same ssh and directory as another host; give it a directory of its own.',
      [SERVER, 'hosts:', LEFT, LEFT.replace('name: left', 'name: right')],
    ],
    ['yaml: server.host is desk, and there is no host of that name.', ['server: { host: desk, address: desk:1 }', 'hosts:', LEFT, RIGHT]],
    ['yaml: two hosts at least must not be extra.', [SERVER, 'hosts:', LEFT, RIGHT.replace(' }', ', extra: true }')]],
  ])('says in one sentence: %s', async (sentence, lines) => {
    await expect(load(...lines)).rejects.toMatchObject({
      family: 'Config',
      code: 'BadConfiguration',
      message: expect.stringContaining(sentence),
    });
  });
});

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '@cpns/shared/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keeper } from '../../../processes/keeper.js';
import { Program } from '../../../processes/program.js';
import { LanRig } from '../../../rigs/lan/lan-rig.js';
import { type NamespaceHosts, namespaceHosts, SSHD } from './namespace-hosts.js';

/** This clone, built, which is also what is installed on the hosts. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');
const DIST = join(ROOT, 'hardware-tests', 'dist');
const LIMIT_MS = 120_000;

const clock = new SystemClock();
const obstacle = existsSync(SSHD) ? await new LanRig(clock).obstacle() : `There is no ${SSHD}: apt-get install openssh-server`;

describe.skipIf(obstacle !== undefined)(
  `the rig bench between namespaces with sshd${obstacle === undefined ? '' : ` (${obstacle})`}`,
  () => {
    let keeper: Keeper;
    let directory: string;
    let hosts: NamespaceHosts;

    beforeAll(async () => {
      keeper = new Keeper(join(DIST, 'processes', 'keeper-main.js'));
      directory = await mkdtemp(join(tmpdir(), 'cpns-bench-test-'));
      keeper.keep({ kind: 'directory', path: directory });
      hosts = await namespaceHosts(directory, keeper);
    });
    afterAll(() => keeper.close());

    const host = (name: string, more = {}) => ({
      name,
      ssh: name,
      directory: join(directory, name),
      install: ROOT,
      node: process.execPath,
      ...more,
    });

    async function start(config: object, ...args: string[]): Promise<Program> {
      const file = join(directory, 'bench.config.yaml');
      // Every JSON document is a YAML document.
      await writeFile(file, JSON.stringify({ sshConfig: hosts.sshConfig, ...config }));
      const command = [...hosts.desk.prefix, process.execPath, join(DIST, 'rigs', 'main.js'), 'bench', '--config', file, ...args];
      const rig = new Program({ name: 'rig', command, clock, keeper });
      rig.endInput();
      return rig;
    }

    async function play(config: object, ...args: string[]): Promise<{ code: number | null; said: string }> {
      const rig = await start(config, ...args);
      const { code } = await rig.ended;
      return { code, said: rig.log.last().join('\n') };
    }

    /** Commands of the product that run on a host. */
    function programsOn({ namespace }: { readonly namespace: string }): string[] {
      const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).split('\n').filter(Boolean);
      const commands = pids.map((pid) =>
        execFileSync('sh', ['-c', `tr '\\0' ' ' </proc/${pid}/cmdline 2>/dev/null || true`], { encoding: 'utf8' }),
      );
      return commands.filter((command) => /^\S*node .*\/bin\/cpns-/.test(command));
    }

    it(
      'plays a pair over the network, skips Bluetooth where there is none, and marks the devices',
      async () => {
        const report = join(directory, 'report');
        const config = { server: { address: `${hosts.desk.address}:8883` }, hosts: [host('left'), host('right')] };
        const { code, said } = await play(config, '--report', report, 'pair-two', 'elect-by-capability/three-starters', 'outsiders');
        expect(said).toMatch(/^passed {3}pair-two .* 16 checks$/m);
        expect(said).toMatch(/^skipped {2}elect-by-capability\/three-starters .* It needs more than the 2 devices/m);
        expect(said).toMatch(/^not applicable: outsiders: .* has no mqtt\.$/m);
        expect(said).toMatch(/^skipped {2}pair-two .* left has no Bluetooth adapter\.$/m);
        expect(said).toMatch(
          new RegExp(`^bench lan left\\+right: left: .*; Linux .*; Node.js ${process.version}; cpns \\d.*, noble .*, bleno `, 'm'),
        );
        expect(said).toMatch(/^1 passed, 0 failed, 3 skipped$/m);
        expect(code).toBe(3);
        const text = await readFile(join(report, 'scenarios.txt'), 'utf8');
        expect(text).toMatch(/^scenario +bench ble left\+right +bench lan left\+right$/m);
        expect(text).toMatch(/^pair-two +skipped +passed \d/m);
        expect(text).toMatch(/^bench ble left\+right: right: .*Node\.js/m);
        for (const name of ['left', 'right']) expect(await readdir(join(directory, name))).toEqual([]);
      },
      LIMIT_MS,
    );

    it(
      'has the server on a host, and a third device beside the pair',
      async () => {
        const server = { host: 'right', address: `${hosts.right.address}:8883` };
        const third = host('third', { ssh: 'left', extra: true });
        const config = { technologies: ['lan'], server, hosts: [host('left'), host('right'), third] };
        const { code, said } = await play(config, 'establish-one-to-one', 'server-restarted');
        expect(said).toMatch(/^passed {3}establish-one-to-one /m);
        expect(said).toMatch(/^passed {3}server-restarted /m);
        expect(said).toMatch(/^2 passed, 0 failed, 0 skipped$/m);
        expect(code).toBe(0);
      },
      LIMIT_MS,
    );

    it(
      'skips what a host that cannot be reached would have to play, and says how to find out more',
      async () => {
        const config = { technologies: ['lan'], server: { address: `${hosts.desk.address}:8883` }, hosts: [host('left'), host('nowhere')] };
        const { code, said } = await play(config, 'pair-two');
        expect(said).toMatch(/^skipped {2}pair-two .* nowhere cannot be reached by ssh \(.*\); try: ssh nowhere true$/m);
        expect(said).toMatch(/^0 passed, 0 failed, 1 skipped$/m);
        expect(code).toBe(3);
      },
      LIMIT_MS,
    );

    it(
      'leaves nothing running on the hosts when it is killed',
      async () => {
        const server = { host: 'right', address: `${hosts.right.address}:8883` };
        const rig = await start({ technologies: ['lan'], server, hosts: [host('left'), host('right')] }, '--verbose', 'pair-two');
        await rig.line((line) => line.includes('They notice each other') || undefined, 60_000);
        expect(programsOn(hosts.left)).toHaveLength(1);
        expect(programsOn(hosts.right)).toHaveLength(2);
        await rig.kill();
        await expect.poll(() => [...programsOn(hosts.left), ...programsOn(hosts.right)], { timeout: 20_000 }).toEqual([]);
      },
      LIMIT_MS,
    );
  },
);

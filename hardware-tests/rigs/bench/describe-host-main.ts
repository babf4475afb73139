/**
 * Says as one JSON document what the computer on which it runs is. It is sent to a host and read there from standard input, so it imports
 * nothing but Node.js. Argument: directory with `node_modules/@cpns`.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, hostname, networkInterfaces, release } from 'node:os';
import type { HostAnswer } from './host-facts.js';

const [installation = '.'] = process.argv.slice(2);
const BLUETOOTH = '/sys/class/bluetooth';

/** Version of a package of the installation; undefined where it is not installed. */
async function version(name: string): Promise<string | undefined> {
  const require = createRequire(`${installation}/node_modules/@cpns/agent/package.json`);
  for (const folder of require.resolve.paths(name) ?? []) {
    const text = await readFile(`${folder}/${name}/package.json`, 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  return undefined;
}

async function adapters() {
  const names = await readdir(BLUETOOTH).catch((): string[] => []);
  const found = names.filter((name) => /^hci\d+$/.test(name)).sort();
  return Promise.all(
    found.map(async (device) => ({
      device,
      address: (await readFile(`${BLUETOOTH}/${device}/address`, 'utf8').catch(() => '')).trim(),
    })),
  );
}

/** What `hciconfig -a` prints; empty where it is not installed. */
function hciconfig(): Promise<string> {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return new Promise((resolve) => execFile('hciconfig', ['-a'], { env, timeout: 10_000 }, (_error, stdout) => resolve(stdout)));
}

const answer: HostAnswer = {
  hostName: hostname(),
  kernel: release(),
  architecture: arch(),
  node: process.version,
  cpns: await version('@cpns/agent'),
  noble: await version('@abandonware/noble'),
  bleno: await version('@abandonware/bleno'),
  interfaces: Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    addresses?.some(({ internal }) => !internal) ? [name] : [],
  ),
  adapters: await adapters(),
  hciconfig: await hciconfig(),
};
process.stdout.write(`${JSON.stringify(answer)}\n`);

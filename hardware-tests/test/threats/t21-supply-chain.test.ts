import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockfile } from '../../checks/lockfile.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

interface Lock {
  packages: Record<string, Record<string, unknown>>;
}

/** A copy of the project's lock file and list of install scripts, changed. */
function forged(change: (lock: Lock) => void): string {
  const root = mkdtempSync(join(tmpdir(), 'cpns-lock-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  cpSync(join(ROOT, '.ci', 'allowed-scripts.json'), join(root, '.ci', 'allowed-scripts.json'));
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  change(lock);
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
  return root;
}

const noble = (lock: Lock) => lock.packages['node_modules/@noble/ciphers'] as Record<string, unknown>;

describe('T21 Supply chain', () => {
  it('the lock file has exact versions, integrity and known install scripts only', async () => {
    expect(await lockfile.run(ROOT)).toEqual([]);
    expect(await lockfile.run(forged(() => {}))).toEqual([]);
  });

  it('the packages that compute with keys bring nothing of others', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
    const computing = Object.entries(packages).filter(([path]) => path.startsWith('node_modules/@noble/'));
    expect(computing.map(([path]) => path.split('/').at(-1))).toEqual(['ciphers', 'curves', 'hashes']);
    for (const [, { dependencies = {} }] of computing)
      expect(Object.keys(dependencies as object).every((name) => name.startsWith('@noble/'))).toBe(true);
  });

  it.each<[string, (lock: Lock) => void, string]>([
    ['a package without integrity', (lock) => delete noble(lock).integrity, 'has no integrity'],
    ['a download address', (lock) => Object.assign(noble(lock), { resolved: 'https://registry.test/x.tgz' }), 'download address'],
    ['a new install script', (lock) => Object.assign(noble(lock), { hasInstallScript: true }), 'install script'],
    ['a range of versions', (lock) => Object.assign(lock.packages.shared ?? {}, { dependencies: { cborg: '^6.1.5' } }), 'no exact version'],
    [
      'a version by tag',
      (lock) => Object.assign(lock.packages.agent ?? {}, { optionalDependencies: { usb: 'latest' } }),
      'no exact version',
    ],
    ['a licence that does not fit', (lock) => Object.assign(noble(lock), { license: 'UNLICENSED' }), 'licence'],
  ])('%s is found', async (_what, change, problem) => {
    const problems = await lockfile.run(forged(change));
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, checksIn } from './checks.js';

/** The code whose checks are broken: formulas and state machines, and the doors where requests are believed or not. */
const FOLDERS = ['shared/src/security', 'shared/src/security/key-tree', 'server/src/enabler/groups', 'agent/src/entity/groups'];
const FILES = [
  'shared/src/node/native-provider.ts',
  'shared/src/node/native-siv.ts',
  'shared/src/uplink/authorize.ts',
  'agent/src/pne/challenge.ts',
  'agent/src/pne/accept.ts',
  'agent/src/pne/invitation.ts',
  'agent/src/gateway/challenge.ts',
  'agent/src/gateway/group-deliveries.ts',
  'agent/src/gateway/group-routes.ts',
  'agent/src/gateway/groups.ts',
  'agent/src/gateway/routing-table.ts',
  'server/src/enabler/hello-check.ts',
  'server/src/enabler/challenges.ts',
  'server/src/enabler/proof.ts',
  'server/src/enabler/session.ts',
  'server/src/enabler/uplink-door.ts',
];
/** They turn octets into other octets and refuse nothing that matters. */
const LEFT_OUT = new Set(['bytes.ts', 'index.ts', 'kdf.ts', 'labels.ts']);

/** Where a broken check has to be noticed, by the beginning of its file's path: the first that fits. */
const TESTS: readonly (readonly [string, readonly string[]])[] = [
  ['shared/', ['shared/test/security/', 'shared/test/node/', 'shared/test/uplink/']],
  [
    'agent/src/entity/groups/',
    [
      'agent/test/entity/groups/',
      'hardware-tests/test/simulation/departed-member',
      'hardware-tests/test/simulation/group-objects',
      'hardware-tests/test/simulation/silenced-member',
    ],
  ],
  ['agent/src/gateway/group', ['agent/test/gateway/group']],
  [
    'agent/',
    [
      'hardware-tests/test/simulation/confirmation',
      'hardware-tests/test/simulation/establish',
      'hardware-tests/test/simulation/unlawful-routes',
      'hardware-tests/test/simulation/unprotected-hop',
      'hardware-tests/test/states/pne',
      'hardware-tests/test/threats/t03-',
      'hardware-tests/test/threats/t04-',
    ],
  ],
  ['server/src/enabler/groups/', ['server/test/enabler/group', 'server/test/enabler/kept-', 'server/test/group-resource-rules']],
  ['server/', ['server/test/enabler/']],
];

/** Folders and files with the tests that have to notice broken checks of these files. */
export function testsFor(files: readonly BrokenFile[]): string[] {
  const fitting = files.flatMap(({ file }) => TESTS.find(([beginning]) => file.startsWith(beginning))?.[1] ?? []);
  return [...new Set(fitting)];
}

export interface BrokenFile {
  readonly file: string;
  readonly source: string;
  readonly checks: readonly Check[];
  /** Number of its first check. */
  readonly first: number;
}

/** All files in scope with their checks, numbered through. */
export function filesInScope(root: string): BrokenFile[] {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.ts') && !LEFT_OUT.has(name))
      .map((name) => `${folder}/${name}`),
  );
  let first = 0;
  return [...inFolders, ...FILES].sort().map((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    const checks = checksIn(file, source);
    const broken = { file, source, checks, first };
    first += checks.length;
    return broken;
  });
}

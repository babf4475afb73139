// Installs and builds what is missing, so that every command of the README works on a fresh clone. Plain JavaScript without
// dependencies, because it runs before there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) fail(`Node.js ${process.versions.node} is too old: install 20.19 or newer.`);

if (!installed()) {
  say('Installing the packages (once, a minute or two: two of them are compiled) ...');
  const done = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (done !== 0) fail('The packages could not be installed. A C++ toolchain is needed (g++, make, python3), and the npm registry.');
}
if (run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', root]) !== 0) fail('The sources do not compile.');

/** The lock file that npm leaves in node_modules is no older than ours. */
function installed() {
  const mark = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(mark) || !existsSync(join(root, 'node_modules', 'better-sqlite3', 'build', 'Release', 'better_sqlite3.node')))
    return false;
  if (statSync(mark).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return true;
  const versions = (file) =>
    JSON.stringify(
      Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages)
        .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.link && !entry.optional)
        .map(([path, { version }]) => [path, version])
        .sort(),
    );
  return versions(mark) === versions(join(root, 'package-lock.json'));
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (error) say(error.message);
  return status ?? 1;
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

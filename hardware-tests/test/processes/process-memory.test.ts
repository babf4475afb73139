import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import { Keeper } from '../../processes/keeper.js';
import { foundInMemory } from '../../processes/process-memory.js';
import { Program } from '../../processes/program.js';

const KEEPER = fileURLToPath(new URL('../../dist/processes/keeper-main.js', import.meta.url));
/** Keeps what it is told, each octet reversed, in one form; the word itself is not kept. */
const PROGRAM = `process.stdin.once('data', (line) => {
  const octets = Buffer.from(line.toString().trim(), 'hex').map((octet) => octet ^ 255);
  globalThis.kept = { raw: () => Buffer.from(octets), hex: () => octets.toString('hex'), base64: () => octets.toString('base64') }[process.argv[1]]();
  octets.fill(0);
  console.log('kept');
});
setInterval(() => {}, 1000);`;

describe('the memory of a process', () => {
  it.each(['raw', 'hex', 'base64'])(
    'is found to hold a key as %s, and no other',
    async (form) => {
      const keeper = new Keeper(KEEPER);
      const program = new Program({ name: 'holder', command: [process.execPath, '-e', PROGRAM, form], clock: new SystemClock(), keeper });
      try {
        const [key, other] = [randomBytes(32), randomBytes(32)];
        program.write(`${Buffer.from(key.map((octet) => octet ^ 255)).toString('hex')}\n`);
        await program.line((line) => (line === 'kept' ? true : undefined), 30_000);
        const secrets = [
          { what: 'the key', octets: key },
          { what: 'another key', octets: other },
        ];
        expect(await foundInMemory(program.pid as number, secrets)).toEqual(['the key']);
      } finally {
        await program.kill();
        await keeper.close();
      }
    },
    60_000,
  );
});

/** Loaded in front of a program of the product; see key-log.ts. Each key that the program uses becomes a line, once, before it is used. */
import { appendFileSync } from 'node:fs';
import { nativeProvider } from '@cpns/shared/node';
import { toHex } from '@cpns/shared/security';
import { KEY_LOG_VARIABLE, type KeyLine } from './key-log.js';
import { watchKeys } from './watched-keys.js';

const file = process.env[KEY_LOG_VARIABLE];
if (file === undefined) throw new Error(`${KEY_LOG_VARIABLE} names no file.`);
const known = new Set<string>();

// The program is given the very same object.
Object.assign(
  nativeProvider,
  watchKeys({ ...nativeProvider }, (octets, use) => {
    const key = toHex(octets);
    if (known.has(key)) return;
    known.add(key);
    const line: KeyLine = { use, key };
    appendFileSync(file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  }),
);

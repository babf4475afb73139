import { fileURLToPath } from 'node:url';
import { bringUpToDate, type GeneratedPart } from './generated-part.js';
import { messageTables } from './message-table.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));

/** Everything in docs/ that comes from the code. */
const PARTS: readonly GeneratedPart[] = [{ file: `${docs}protocol.md`, name: 'messages', make: messageTables }];

const check = process.argv.includes('--check');
let stale = 0;
for (const part of PARTS) {
  if (await bringUpToDate(part, check)) continue;
  stale++;
  console.log(`${part.name}: ${check ? 'out of date, run "npm run docs"' : 'written'}`);
}
console.log(`${PARTS.length} generated parts, ${stale} ${check ? 'out of date' : 'rewritten'}`);
process.exitCode = check && stale > 0 ? 1 : 0;

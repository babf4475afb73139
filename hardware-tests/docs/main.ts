import { bringUpToDate } from './generated-part.js';
import { GENERATED_PARTS } from './generated-parts.js';

const check = process.argv.includes('--check');
let stale = 0;
for (const part of GENERATED_PARTS) {
  if (await bringUpToDate(part, check)) continue;
  stale++;
  console.log(`${part.name}: ${check ? 'out of date, run "npm run docs"' : 'written'}`);
}
console.log(`${GENERATED_PARTS.length} generated parts, ${stale} ${check ? 'out of date' : 'rewritten'}`);
process.exitCode = check && stale > 0 ? 1 : 0;

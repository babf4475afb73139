import { bringUpToDate } from './generated-part.js';
import { GENERATED_PARTS } from './generated-parts.js';
import { brokenReferences } from './references.js';

const check = process.argv.includes('--check');
let stale = 0;
for (const part of GENERATED_PARTS) {
  if (await bringUpToDate(part, check)) continue;
  stale++;
  console.log(`${part.name}: ${check ? 'out of date, run "npm run docs"' : 'written'}`);
}
const broken = brokenReferences();
for (const sentence of broken) console.log(sentence);
console.log(
  `${GENERATED_PARTS.length} generated parts, ${stale} ${check ? 'out of date' : 'rewritten'}; ${broken.length} broken references`,
);
process.exitCode = (check && stale > 0) || broken.length > 0 ? 1 : 0;

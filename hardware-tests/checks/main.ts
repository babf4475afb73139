import { fileURLToPath } from 'node:url';
import { bringUpToDate } from '../docs/generated-part.js';
import { GENERATED_PARTS } from '../docs/generated-parts.js';
import { brokenReferences } from '../docs/references.js';
import type { Check } from './check.js';
import { lockfile } from './lockfile.js';
import { fileLength, purity } from './sources.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The documents hold what the code says. */
const generatedDocs: Check = {
  name: 'generated documentation',
  async run() {
    const stale: string[] = [];
    for (const part of GENERATED_PARTS)
      if (!(await bringUpToDate(part, true))) stale.push(`${part.file}: "${part.name}" is out of date; run "npm run docs"`);
    return stale;
  },
};

/** What code, tests and documents say of one another leads somewhere. */
const references: Check = { name: 'references', run: async () => brokenReferences() };

let failed = 0;
for (const check of [lockfile, purity, fileLength, generatedDocs, references]) {
  const problems = await check.run(root);
  console.log(`${problems.length === 0 ? 'ok    ' : 'failed'}  ${check.name}`);
  for (const problem of problems) console.log(`        ${problem}`);
  if (problems.length > 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;

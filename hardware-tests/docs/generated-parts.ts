import { fileURLToPath } from 'node:url';
import { bluetoothLayout } from './bluetooth-layout.js';
import { codePoints, labelTable } from './code-points.js';
import type { GeneratedPart } from './generated-part.js';
import { agentSettings, deviceLimits, keyLimits, serverLimits, serverSettings, wireLimits } from './limit-tables.js';
import { messageTables } from './message-table.js';
import { outcomeTables } from './outcome-tables.js';
import { structureTables } from './structures.js';
import { timeTable } from './times.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));

function parts(document: string, makers: Readonly<Record<string, () => string>>): GeneratedPart[] {
  return Object.entries(makers).map(([name, make]) => ({ file: `${docs}${document}`, name, make }));
}

/** Everything in docs/ that comes from the code. */
export const GENERATED_PARTS: readonly GeneratedPart[] = [
  ...parts('protocol.md', {
    'bluetooth layout': bluetoothLayout,
    times: timeTable,
    'code points': codePoints,
    structures: structureTables,
    outcomes: outcomeTables,
    messages: messageTables,
  }),
  ...parts('security.md', { labels: labelTable }),
  ...parts('limits.md', {
    'wire limits': wireLimits,
    'key limits': keyLimits,
    'device limits': deviceLimits,
    'server limits': serverLimits,
    'agent settings': agentSettings,
    'server settings': serverSettings,
  }),
];

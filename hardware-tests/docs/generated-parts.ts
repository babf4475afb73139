import { fileURLToPath } from 'node:url';
import type { GeneratedPart } from './generated-part.js';
import { messageTables } from './message-table.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));

/** Everything in docs/ that comes from the code. */
export const GENERATED_PARTS: readonly GeneratedPart[] = [{ file: `${docs}protocol.md`, name: 'messages', make: messageTables }];

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as messages from '@cpns/shared/messages';
import { type AnyMessage, families } from '@cpns/shared/messages';
import { FIELD_HEAD, fieldRows } from './structures.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The message tables of docs/protocol.md: everything a second implementation needs to know of every message, from the catalogue. */
export function messageTables(): string {
  const sources = productSources();
  return families
    .map(({ name, messages: all }) =>
      [`### ${name}`, '', ...[...all].sort((a, b) => a.number - b.number).flatMap((type) => messageEntry(type, sources))].join('\n'),
    )
    .join('\n');
}

function messageEntry(type: AnyMessage, sources: string): string[] {
  const rows = fieldRows(type.body);
  const reserved = isUsed(type, sources) ? [] : ['Defined; nothing sends or serves it yet.', ''];
  return [
    `#### ${type.number} ${type.name}`,
    '',
    `${type.kind}; ${type.directions.map((direction) => direction.replace('>', ' → ')).join(', ')}; in ${type.channels.join(', ')}; ${type.source}`,
    '',
    ...reserved,
    ...(rows.length === 0 ? ['The body is an empty map.', ''] : [...FIELD_HEAD, ...rows, '']),
  ];
}

/** Agent or server mention the message by the name that the catalogue exports it under. */
function isUsed(type: AnyMessage, sources: string): boolean {
  const name = Object.entries(messages).find(([, value]) => value === type)?.[0];
  return name !== undefined && new RegExp(`\\b${name}\\b`).test(sources);
}

function productSources(): string {
  return ['agent/src', 'server/src']
    .flatMap((folder) => readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).map((file) => `${root}${folder}/${file}`))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

import { type AnyMessage, families, type StructSchema } from '@cpns/shared/messages';

/** The message tables of docs/protocol.md: everything a second implementation needs to know of every message, from the catalogue. */
export function messageTables(): string {
  return families.map(({ name, messages }) => [`### ${name}`, '', ...messages.flatMap(messageEntry)].join('\n')).join('\n');
}

function messageEntry(type: AnyMessage): string[] {
  const rows = fieldRows(type.body);
  return [
    `#### ${type.number} ${type.name}`,
    '',
    `${type.kind}; ${type.directions.map((direction) => direction.replace('>', ' → ')).join(', ')}; in ${type.channels.join(', ')}; ${type.source}`,
    '',
    ...(rows.length === 0 ? ['The body is an empty map.', ''] : ['| key | field | value |', '|---|---|---|', ...rows, '']),
  ];
}

function fieldRows(body: StructSchema<unknown>): string[] {
  return Object.entries(body.fields)
    .sort(([, a], [, b]) => a.key - b.key)
    .map(
      ([name, field]) =>
        `| ${field.key} | ${name}${field.optional ? ' (optional)' : ''} | ${field.schema.describe.replaceAll('|', '\\|')} |`,
    );
}

import { describeError } from '../errors.js';

const MAX_TEXT = 1_000;
const MAX_ITEMS = 20;
const MAX_DEPTH = 4;
/** Names under which keys and codes travel; their values never reach a log, whatever they are. */
const SECRET_NAME = /secret|passw|passphrase|token|credential|(?<!public_?)key$|^(psk|prk|sk|lk|gk|kek)$|(enrol|enrolment|pairing)_?code/i;
/**
 * Control characters, invisible format characters such as those that turn the direction of writing, lone surrogates and line separators:
 * what comes from the network must not play with a terminal.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** `text` on one line, at most 1,000 characters, nothing in it that a terminal would obey. */
export function logText(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
  return short.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Fields as they may be written: bounded, printable, without octets and without secrets. */
export function logFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return cleanObject(fields, 0);
}

function clean(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return logText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      break;
    default:
      return `[${typeof value}]`;
  }
  if (value === null) return null;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} octets]`;
  if (value instanceof Error) return logText(describeError(value));
  if (depth >= MAX_DEPTH) return '[...]';
  if ('toJSON' in value && typeof value.toJSON === 'function') return clean(value.toJSON(), depth + 1);
  if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`;
  if (!Array.isArray(value)) return cleanObject(value, depth);
  const items = value.slice(0, MAX_ITEMS).map((item) => clean(item, depth + 1));
  return value.length > MAX_ITEMS ? [...items, `[${value.length - MAX_ITEMS} more]`] : items;
}

function cleanObject(value: object, depth: number): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {};
  for (const name of Object.keys(value).slice(0, MAX_ITEMS)) {
    if (SECRET_NAME.test(name)) cleaned[name] = '[redacted]';
    else {
      try {
        cleaned[logText(name)] = clean((value as Record<string, unknown>)[name], depth + 1);
      } catch {
        cleaned[logText(name)] = '[unreadable]';
      }
    }
  }
  return cleaned;
}

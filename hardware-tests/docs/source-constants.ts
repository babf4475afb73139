import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * The number that a source file gives a name: `const NAME = 5 * 60_000`, or a property `name: 5_000`. Read from the sources, since most
 * constants are nobody else's business and are not exported. @throws Error when the name is not there, or is no plain arithmetic
 */
export function sourceNumber(file: string, name: string): number {
  const escaped = name.replace(/[$]/g, '\\$&');
  const text = readFileSync(`${root}${file}`, 'utf8');
  const initialiser = new RegExp(`\\b${escaped}(?:: [\\w<>]+)? ?[=:] ([\\d_ *+().]+?)(?:;|,|\\s\\}|\\n)`).exec(text)?.[1];
  const value = initialiser === undefined ? Number.NaN : calculate(initialiser);
  if (Number.isNaN(value))
    throw new Error(`${file} gives ${name} no plain number: the table of constants in hardware-tests/docs needs a change.`);
  return value;
}

/** Sums, products and powers of whole numbers, as constants are written. */
function calculate(expression: string): number {
  const compact = expression.replace(/[_\s()]/g, '');
  return sum(
    compact.split('+').map((product) =>
      product
        .replaceAll('**', '^')
        .split('*')
        .map((power) =>
          power
            .split('^')
            .map(Number)
            .reduceRight((exponent, base) => base ** exponent),
        )
        .reduce((a, b) => a * b, 1),
    ),
  );
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** A number for people: 16,384. */
export function grouped(value: number): string {
  return value.toLocaleString('en-GB');
}

/** Milliseconds for people: `5 s`, `2 min`, `24 h`. */
export function duration(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ];
  const days = ms >= 2 * 86_400_000;
  for (const [size, unit] of units) {
    if (unit === 'd' && !days) continue;
    if (ms >= size && ms % size === 0 && !(unit === 'min' && ms < 180_000)) return `${grouped(ms / size)} ${unit}`;
  }
  return `${grouped(ms)} ms`;
}

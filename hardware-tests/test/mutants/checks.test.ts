import { describe, expect, it } from 'vitest';
import { checksIn, instrumented } from '../../mutants/checks.js';

const SOURCE = `
function open(record, key, limits) {
  if (record.length > limits.octets || record.type !== 1) throw new Error('refused');
  if (key !== undefined && !provider.equal(record.sid, key.sid)) return undefined;
  const body = record.sealed ? record.body : undefined;
  return provider.equal(body, key.body);
}
function name(value) {
  if (value === 'a') { log(); }
  for (let i = 0; i < 3; i++) log();
  return value ?? 'nobody';
}
`;
const checks = checksIn('open.ts', SOURCE);

/** Calls `open` of the instrumented source with one check broken; -1: none. */
function open(broken: number, record: object, key: object | undefined, limits: object): unknown {
  const provider = { equal: (a: unknown, b: unknown) => a === b };
  const body = `${instrumented(SOURCE, checks, 10)}; return open(...given);`;
  return new Function('__broken', 'provider', 'log', 'given', body)(
    (check: number) => check === broken + 10,
    provider,
    () => {},
    [record, key, limits],
  );
}

const record = { length: 5, type: 1, sid: 7, sealed: true, body: 'b' };
const key = { sid: 7, body: 'b' };
const limits = { octets: 5 };

describe('the checks of a source', () => {
  it('are its refusals, their parts, comparisons and bounds, and nothing else', () => {
    expect(checks.map(({ original, breakage, broken }) => [original, breakage, broken])).toEqual([
      ['record.length > limits.octets', 'part left out', 'false'],
      ['record.length > limits.octets', 'off by one', 'record.length >= limits.octets'],
      ['record.type !== 1', 'part left out', 'false'],
      ['key !== undefined && !provider.equal(record.sid, key.sid)', 'never refuses', 'false'],
      ['!provider.equal(record.sid, key.sid)', 'part left out', 'true'],
      ['record.sealed', 'never refuses', 'true'],
      ['provider.equal(body, key.body)', 'always equal', 'true'],
    ]);
    expect(checks.map(({ line }) => line)).toEqual([3, 3, 3, 4, 4, 5, 6]);
  });

  it('have names that stay when other lines are added', () => {
    const later = checksIn('open.ts', `\n\nconst more = 1;${SOURCE}`);
    expect(later.map(({ name }) => name)).toEqual(checks.map(({ name }) => name));
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  });

  it('are broken within the parentheses that they have', () => {
    const [moved] = checksIn('few.ts', 'const few = (count ?? 0) <= (most ?? 1);');
    expect(moved?.broken).toBe('(count ?? 0) < (most ?? 1)');
  });

  it('do what they did as long as none is broken', () => {
    expect(open(-1, record, key, limits)).toBe(true);
    expect(() => open(-1, { ...record, length: 6 }, key, limits)).toThrow('refused');
    expect(() => open(-1, { ...record, type: 2 }, key, limits)).toThrow('refused');
    expect(open(-1, { ...record, sid: 8 }, key, limits)).toBeUndefined();
    expect(open(-1, { ...record, sealed: false }, key, limits)).toBe(false);
  });

  it('are broken one at a time', () => {
    expect(open(0, { ...record, length: 6 }, key, limits)).toBe(true);
    expect(() => open(1, record, key, limits)).toThrow('refused');
    expect(open(2, { ...record, type: 2 }, key, limits)).toBe(true);
    expect(open(3, { ...record, sid: 8 }, key, limits)).toBe(true);
    expect(open(4, record, key, limits)).toBeUndefined();
    expect(open(5, { ...record, sealed: false }, key, limits)).toBe(true);
    expect(open(6, { ...record, body: 'c' }, key, limits)).toBe(true);
  });
});

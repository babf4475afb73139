import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CryptoProvider } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { nobleProvider } from '@cpns/shared/security';
import { afterAll, describe, expect, it } from 'vitest';
import { type AnsweredCase, answerCases, KINDS } from '../../known-answers/answer.js';
import { knownAnswers } from '../../known-answers/command.js';

const frozenFile = fileURLToPath(new URL('../../../shared/test/security/known-answers.json', import.meta.url));
const frozen = JSON.parse(readFileSync(frozenFile, 'utf8')) as AnsweredCase[];
const providers = [nobleProvider, nativeProvider];
const folder = mkdtempSync(join(tmpdir(), 'known-answers-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const io = { folder, stdout: '', stderr: '', out: (text: string) => (io.stdout += text), err: (text: string) => (io.stderr += text) };
  return { code: knownAnswers(args, io), stdout: io.stdout, stderr: io.stderr };
}

function runWith(content: string) {
  writeFileSync(join(folder, 'cases.json'), content);
  return run('cases.json');
}

describe('the frozen known answers', () => {
  it.each(frozen.map((one, index) => [index + 1, one] as const))('case %i', (_, { kind, inputs, outputs }) => {
    for (const provider of providers) expect(answerCases([{ kind, inputs }], [provider])).toEqual([{ kind, inputs, outputs }]);
  });

  it('have every kind', () => {
    expect([...new Set(frozen.map(({ kind }) => kind))].sort()).toEqual(Object.keys(KINDS).sort());
  });

  it('are those of the documentation', () => {
    const documented = fileURLToPath(new URL('../../../docs/formal/known-answers.json', import.meta.url));
    expect(JSON.parse(readFileSync(documented, 'utf8'))).toEqual(frozen);
  });
});

describe('the command', () => {
  it('prints the array with outputs, whatever outputs were there', () => {
    const wrong = frozen.map((one) => ({ ...one, outputs: { wrong: '00' } }));
    const { code, stdout, stderr } = runWith(JSON.stringify(wrong));
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual(frozen);
    expect(run(frozenFile).stdout).toBe(stdout);
  });

  it('explains itself', () => {
    const { code, stdout } = run('--help');
    expect(code).toBe(0);
    for (const kind of Object.keys(KINDS)) expect(stdout).toContain(kind);
  });

  const hint = { kind: 'ble-hint', inputs: { kAdv: '00'.repeat(16), p: '000000' } };
  const message = frozen.find(({ kind }) => kind === 'pn-message') as AnsweredCase;
  const record = frozen.find(({ kind }) => kind === 'sk-record') as AnsweredCase;
  const changed = ({ kind, inputs }: { kind: string; inputs: object }, change: object) => ({ kind, inputs: { ...inputs, ...change } });
  const refusals: [string, unknown, RegExp][] = [
    ['no array', {}, /must hold a JSON array/],
    ['a case that is no object', [1], /case 1: every case is an object/],
    ['an unknown kind', [hint, { kind: 'toString', inputs: {} }], /case 2: the kind "toString" is unknown; known are establishment, /],
    ['no inputs', [{ kind: 'ble-hint' }], /case 1 \(ble-hint\): "inputs" must be an object/],
    ['a missing input', [{ kind: 'ble-hint', inputs: { kAdv: '00'.repeat(16) } }], /case 1 \(ble-hint\): the input "p" is missing/],
    ['hex of a wrong length', [changed(hint, { p: '00' })], /the input "p" must be 3 octets in hex/],
    ['upper-case hex', [changed(hint, { p: 'AABBCC' })], /the input "p" must be lower-case hex/],
    ['a number in place of hex', [changed(hint, { p: 5 })], /the input "p" must be lower-case hex/],
    ['text in place of a number', [changed(message, { bootCounter: '1' })], /"bootCounter" must be a whole number from 0 to 4294967295/],
    ['a number that is too large', [changed(message, { bootCounter: 2 ** 32 })], /"bootCounter" must be a whole number/],
    ['a u64 of too few digits', [changed(message, { e: '01' })], /"e" must be 16 lower-case hex digits/],
    ['a direction of another channel', [changed(record, { dir: 'p2g' })], /"dir" must be one of p2s, s2p/],
    ['more padding than a record holds', [changed(record, { padding: 16_384 })], /"padding" must be a whole number/],
    ['half a surrogate pair', [changed(message, { idSender: '\ud800' })], /case 1 \(pn-message\): The text holds half/],
  ];
  it.each(refusals)('refuses %s in one line', (_, cases, sentence) => {
    const { code, stdout, stderr } = runWith(JSON.stringify(cases));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^known-answers: [^\n]+\n$/);
    expect(stderr).toMatch(sentence);
  });

  it('refuses what is no JSON, no file, or no FILE in one line', () => {
    expect(runWith('{')).toEqual({ code: 1, stdout: '', stderr: 'known-answers: cases.json is not JSON.\n' });
    expect(run('missing.json').stderr).toBe('known-answers: missing.json cannot be read: it does not exist.\n');
    expect(run('.').stderr).toBe('known-answers: . cannot be read: it is a folder.\n');
    expect(run()).toEqual({ code: 1, stdout: '', stderr: 'known-answers: Give exactly one FILE; --help says more.\n' });
    expect(run('a', 'b').code).toBe(1);
  });

  it('says where providers disagree', () => {
    const lying: CryptoProvider = { ...nobleProvider, hmac: (key, octets) => nobleProvider.hmac(key, octets).reverse() };
    const disagreement = expect.objectContaining({ code: 'Disagreement', message: expect.stringContaining('case 1 (ble-hint)') });
    expect(() => answerCases([hint], [nobleProvider, lying])).toThrow(disagreement);
  });
});

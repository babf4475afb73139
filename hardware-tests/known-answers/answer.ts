import { CpnsError, type CryptoProvider, toCpnsError } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import { capsHashOf, establishment, type Outputs, reqMacOf } from './establishment.js';
import { groupKeyUnderGkek, groupMessage, groupRec, pnMessage, rekeyPart } from './groups.js';
import { Inputs } from './inputs.js';
import { bleHintOf, linkSession, pairing, panRecord, skRecord } from './links.js';

/** The kinds of cases; docs/formal/known-answers.md says what each takes and gives. */
export const KINDS: Readonly<Record<string, (provider: CryptoProvider, inputs: Inputs) => Outputs>> = {
  establishment,
  capsHash: capsHashOf,
  reqMAC: reqMacOf,
  'pan-record': panRecord,
  'sk-record': skRecord,
  pairing,
  'link-session': linkSession,
  'ble-hint': bleHintOf,
  'group-rec': groupRec,
  'group-key-under-gkek': groupKeyUnderGkek,
  'rekey-part': rekeyPart,
  'group-message': groupMessage,
  'pn-message': pnMessage,
};

export interface AnsweredCase {
  readonly kind: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, string>>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const bad = (sentence: string) => new CpnsError('Config', 'BadInput', sentence);

/**
 * Answers every case with every provider through the functions of the product.
 * @throws CpnsError Config/BadInput; Internal/Disagreement when the providers differ
 */
export function answerCases(cases: unknown, providers: readonly CryptoProvider[]): AnsweredCase[] {
  if (!Array.isArray(cases)) throw bad('The file must hold a JSON array of {"kind", "inputs"}.');
  return cases.map((one: unknown, index) => {
    const number = `case ${index + 1}`;
    if (!isObject(one) || typeof one.kind !== 'string') throw bad(`${number}: every case is an object with "kind" and "inputs".`);
    const { kind, inputs } = one;
    const compute = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (compute === undefined)
      throw bad(`${number}: the kind ${JSON.stringify(kind)} is unknown; known are ${Object.keys(KINDS).join(', ')}.`);
    if (!isObject(inputs)) throw bad(`${number} (${kind}): "inputs" must be an object.`);
    const where = `${number} (${kind})`;
    const [outputs = {}, ...others] = providers.map((provider) => computeOne(where, () => compute(provider, new Inputs(where, inputs))));
    for (const other of others) requireSame(where, outputs, other);
    return { kind, inputs, outputs };
  });
}

function computeOne(where: string, compute: () => Outputs): Record<string, string> {
  try {
    const entries = Object.entries(compute());
    return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : toHex(value)]));
  } catch (error) {
    const { family, code, message } = toCpnsError(error);
    throw message.startsWith(where) ? error : new CpnsError(family, code, `${where}: ${message}`, { cause: error });
  }
}

function requireSame(where: string, one: Record<string, string>, other: Record<string, string>): void {
  const differing = Object.keys({ ...one, ...other }).filter((name) => one[name] !== other[name]);
  if (differing.length === 0) return;
  throw new CpnsError('Internal', 'Disagreement', `${where}: the providers disagree about ${differing.join(', ')}.`);
}

import { parseAst } from 'vitest/node';

/** Which way a check is broken. */
export type Breakage = 'never refuses' | 'part left out' | 'always equal' | 'off by one';

/** One check of the source, and how it reads when it is broken. */
export interface Check {
  /** Stays the same while the check and its file keep their names: file, check, and which of several alike. */
  readonly name: string;
  /** Path from the root of the repository. */
  readonly file: string;
  readonly line: number;
  readonly breakage: Breakage;
  /** Offsets of the expression in the source. */
  readonly start: number;
  readonly end: number;
  readonly original: string;
  readonly broken: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

type Found = Pick<Check, 'breakage' | 'start' | 'end' | 'broken'>;

const BOUNDARY: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
const COMPARISONS = new Set(['===', '!==', '<', '<=', '>', '>=']);

/** Every check that a file makes: conditions under which it refuses, what they are made of, comparisons of secrets, and bounds. */
export function checksIn(file: string, source: string): Check[] {
  const found: Found[] = [];
  walk(parseAst(source, { lang: 'ts' }) as unknown as Node, (node, ancestors) => found.push(...checksAt(node, ancestors, source)));
  const unique = new Map(found.map((check) => [`${check.start} ${check.end} ${check.broken}`, check]));
  const alike = new Map<string, number>();
  return [...unique.values()]
    .sort((a, b) => a.start - b.start || b.end - a.end)
    .map((check) => {
      const original = source.slice(check.start, check.end);
      const key = `${file}: ${oneLine(original)} (${check.breakage})`;
      const count = (alike.get(key) ?? 0) + 1;
      alike.set(key, count);
      const line = source.slice(0, check.start).split('\n').length;
      return { ...check, file, line, original, name: count === 1 ? key : `${key} #${count}` };
    });
}

/** The source in which each check asks `__broken(number)` whether it is to be broken now; numbers count from `first`. */
export function instrumented(source: string, checks: readonly Check[], first: number): string {
  const inserts = checks.flatMap(({ start, end, broken }, index) => [
    // Of checks that begin or end together the wider one encloses the narrower.
    { at: start, order: -end, text: `(__broken(${first + index}) ? (${broken}) : (` },
    { at: end, order: -start - 1e9, text: '))' },
  ]);
  inserts.sort((a, b) => a.at - b.at || a.order - b.order);
  let result = '';
  let done = 0;
  for (const { at, text } of inserts) {
    result += source.slice(done, at) + text;
    done = at;
  }
  return result + source.slice(done);
}

function checksAt(node: Node, ancestors: readonly Node[], source: string): Found[] {
  const text = ({ start, end }: Node) => source.slice(start, end);
  switch (node.type) {
    case 'IfStatement': {
      const test = node.test as Node;
      // Of alternatives each is left out by itself.
      if (!refuses(node.consequent as Node) || (test.type === 'LogicalExpression' && test.operator === '||')) return [];
      return [broken('never refuses', test, 'false')];
    }
    case 'ConditionalExpression':
      return isUndefined(node.alternate as Node) ? [broken('never refuses', node.test as Node, 'true')] : [];
    case 'LogicalExpression': {
      if (node.operator === '??') return [];
      const neutral = node.operator === '&&' ? 'true' : 'false';
      const parts = [node.left as Node, node.right as Node].filter(isCondition);
      return parts.map((part) => broken('part left out', part, neutral));
    }
    case 'CallExpression': {
      const callee = text(node.callee as Node);
      const compares = callee === 'equal' || callee.endsWith('.equal');
      // A comparison that is a whole condition or a part of one is broken there.
      return compares && !ancestors.some(({ type }) => type === 'IfStatement' || type === 'LogicalExpression')
        ? [broken('always equal', node, 'true')]
        : [];
    }
    case 'BinaryExpression': {
      const moved = BOUNDARY[node.operator as string];
      if (moved === undefined || ancestors.at(-1)?.type === 'ForStatement') return [];
      const [{ end }, { start }] = [node.left as Node, node.right as Node];
      // The operands stay as they are written, within their parentheses.
      const between = source.slice(end, start).replace(node.operator as string, () => moved);
      return [broken('off by one', node, source.slice(node.start, end) + between + source.slice(start, node.end))];
    }
    default:
      return [];
  }
}

const broken = (breakage: Breakage, { start, end }: Node, text: string): Found => ({ breakage, start, end, broken: text });

/** It throws, or ends the function with nothing or a no. */
function refuses(statement: Node): boolean {
  if (statement.type === 'BlockStatement') {
    const last = (statement.body as Node[]).at(-1);
    return last !== undefined && refuses(last);
  }
  if (statement.type === 'ThrowStatement') return true;
  if (statement.type === 'ContinueStatement') return true;
  if (statement.type !== 'ReturnStatement') return false;
  const argument = statement.argument as Node | null;
  return argument === null || isUndefined(argument) || argument.value === false || argument.type === 'CallExpression';
}

const isUndefined = (node: Node) => node.type === 'Identifier' && node.name === 'undefined';

/** An operand that says yes or no. A value with a fallback is no check, and whether there is a value is asked for the compiler. */
function isCondition(node: Node): boolean {
  if (node.type === 'BinaryExpression') return COMPARISONS.has(node.operator as string) && !isUndefined(node.right as Node);
  return node.type === 'UnaryExpression' || node.type === 'CallExpression';
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ');

function walk(node: Node, visit: (node: Node, ancestors: readonly Node[]) => void, ancestors: readonly Node[] = []): void {
  visit(node, ancestors);
  const inside = [...ancestors, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof (child as Node).type === 'string') walk(child as Node, visit, inside);
    }
  }
}

import type { AnyMessage } from '../../messages/message-type.js';

/**
 * What one party makes of each message in each state (protocol b.2). The documentation shows it, and tests drive every cell against the
 * code of the product.
 */
export interface OutcomeTable {
  /** What the columns are states of. */
  readonly head: string;
  readonly states: readonly string[];
  readonly rows: readonly OutcomeRow[];
}

export interface OutcomeRow {
  /** Name of the message, with what tells this row from others of it. */
  readonly name: string;
  /** Undefined: messages that have no row of their own. */
  readonly message: AnyMessage | undefined;
  /** By state. */
  readonly outcomes: Readonly<Record<string, string>>;
}

/**
 * One line of a table as it is written down: message, what tells the row from others of that message, and the outcomes in the order of
 * the states with `|` between them, or one for all states.
 */
export type OutcomeLine = readonly [message: AnyMessage | undefined, variant: string, outcomes: string];

/** @throws RangeError when a line has a cell too many, too few, or an empty one, or a row is there twice */
export function outcomeTable(head: string, states: readonly string[], lines: readonly OutcomeLine[]): OutcomeTable {
  const rows = lines.map(([message, variant, outcomes]) => {
    const name = [message?.name, variant].filter((part) => part !== undefined && part !== '').join(', ');
    const said = outcomes.split('|').map((cell) => cell.trim());
    const cells = said.length === 1 ? states.map(() => outcomes) : said;
    if (cells.length !== states.length || cells.includes('')) throw new RangeError(`"${name}" needs an outcome in each state`);
    return { name, message, outcomes: Object.fromEntries(states.map((state, i) => [state, cells[i] as string])) };
  });
  const twice = rows.find(({ name }, i) => rows.findIndex((row) => row.name === name) !== i);
  if (twice !== undefined) throw new RangeError(`"${twice.name}" is there twice`);
  return { head, states, rows };
}

/** The last lines of a table: what has no line of its own is not for that party, or is an answer that nobody waits for. */
export const OTHERS: readonly OutcomeLine[] = [
  [undefined, 'every other request', 'refused'],
  [undefined, 'everything else', 'ignored'],
];

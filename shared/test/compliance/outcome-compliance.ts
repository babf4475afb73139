import { type Direction, families, sgData, sgDataAnswer } from '@cpns/shared/messages';
import type { OutcomeTable } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';

/** Drives every cell of a table: `states` builds each state, `rows` sends what each row is about and says what came of it. */
export function driveTable<Place>(
  table: OutcomeTable,
  states: Readonly<Record<string, () => Promise<Place>>>,
  rows: Readonly<Record<string, (place: Place) => Promise<string>>>,
  /** What holds the state at the party under test. */
  stateOf: (place: Place) => string,
): void {
  it('has every state', () => expect(table.states).toEqual(Object.keys(states)));

  describe.each(table.rows)('$name', ({ name, outcomes }) => {
    it.each(Object.entries(outcomes))('%s: %s', async (state, outcome) => {
      const place = await states[state]?.();
      const drive = rows[name];
      if (place === undefined || drive === undefined) throw new Error('nothing drives this cell');
      const before = stateOf(place);
      const came = await drive(place);
      const after = stateOf(place);
      expect(after === before ? came : `${came} → ${after}`).toBe(outcome);
    });
  });
}

/** Every message about service groups that comes there has a row; answers that nobody waits for may share one. */
export function coversGroups({ rows }: OutcomeTable, comesThere: (directions: readonly Direction[]) => boolean): void {
  const groups = families.find(({ name }) => name === 'Service groups')?.messages ?? [];
  it.each([...groups, sgData, sgDataAnswer].filter(({ directions }) => comesThere(directions)))('has a row for $name', (type) => {
    const named = rows.map(({ message }) => message);
    expect(named.includes(type) || (type.kind === 'answer' && named.includes(undefined))).toBe(true);
  });
}

import { table } from '@cpns/shared/node';
import { marksText } from '../rigs/bench/host-facts.js';
import type { Outcome } from '../rigs/player.js';

/** What is known of every scenario on every rig. */
export interface Matrix {
  readonly rigs: readonly string[];
  readonly rows: readonly { readonly scenario: string; readonly outcomes: Readonly<Record<string, Outcome>> }[];
}

/** Later outcomes of the same scenario on the same rig replace earlier ones. */
export function matrixOf(outcomes: readonly Outcome[]): Matrix {
  const rows = new Map<string, Record<string, Outcome>>();
  for (const outcome of outcomes) {
    const row = rows.get(outcome.scenario) ?? {};
    row[outcome.rig] = outcome;
    rows.set(outcome.scenario, row);
  }
  return {
    rigs: [...new Set(outcomes.map(({ rig }) => rig))].sort(),
    rows: [...rows].map(([scenario, row]) => ({ scenario, outcomes: row })),
  };
}

/** All outcomes, one after another. */
export function outcomesOf({ rows }: Matrix): Outcome[] {
  return rows.flatMap(({ outcomes }) => Object.values(outcomes));
}

/** As a table for people. A scenario that a rig was never asked for is "-"; skipped is never shown as passed. */
export function matrixText({ rigs, rows }: Matrix): string[] {
  const cell = (outcome: Outcome | undefined) => {
    if (outcome === undefined) return '-';
    const isPlayed = outcome.result === 'passed' || outcome.result === 'failed';
    return isPlayed ? `${outcome.result} ${(outcome.ms / 1000).toFixed(1)} s` : outcome.result;
  };
  const lines = table([['scenario', ...rigs], ...rows.map((row) => [row.scenario, ...rigs.map((rig) => cell(row.outcomes[rig]))])]);
  const reasons = outcomesOf({ rigs, rows }).flatMap(({ scenario, rig, says }) =>
    says === undefined ? [] : [`${scenario} on ${rig}: ${says}`],
  );
  return [lines, reasons, marksLines(outcomesOf({ rigs, rows }))]
    .filter((part) => part.length > 0)
    .flatMap((part, n) => (n > 0 ? ['', ...part] : part));
}

/** Which real devices each rig played on, a line for each device of a rig. */
export function marksLines(outcomes: readonly Outcome[]): string[] {
  return [...new Set(outcomes.flatMap(({ rig, devices = [] }) => devices.map((device) => `${rig}: ${marksText(device)}`)))];
}

/** `N passed, N failed, N skipped`. What has no meaning on a rig is not counted; of what nothing is known counts as skipped. */
export function totals(outcomes: readonly Outcome[]): string {
  const count = (...results: Outcome['result'][]) => outcomes.filter(({ result }) => results.includes(result)).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped', 'kernel-bug')} skipped`;
}

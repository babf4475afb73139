import { duration, grouped, sourceNumber } from './source-constants.js';

/** How a number is shown. */
export type Unit = 'octets' | 'MiB' | 'ms' | 's' | 'min' | 'each second' | '';

/** One constant of the code. `what` says what it bounds, `why` what that stops or is for. */
export interface Constant {
  readonly file: string;
  readonly name: string;
  readonly unit: Unit;
  readonly what: string;
  readonly why: string;
}

/** Constants of one file. */
export function constantsOf(file: string, rows: readonly (readonly [name: string, unit: Unit, what: string, why: string])[]): Constant[] {
  return rows.map(([name, unit, what, why]) => ({ file, name, unit, what, why }));
}

/** A table with the values that the sources have at this moment. */
export function constantTable(constants: readonly Constant[], head: readonly [what: string, why: string]): string {
  return [
    `| ${head[0]} | value | ${head[1]} | in the code |`,
    '|---|---|---|---|',
    ...constants.map(
      (constant) => `| ${constant.what} | ${shown(constant)} | ${constant.why} | [\`${constant.name}\`](../${constant.file}) |`,
    ),
  ].join('\n');
}

function shown({ file, name, unit }: Constant): string {
  const value = sourceNumber(file, name);
  if (unit === 'ms') return duration(value);
  return unit === '' ? grouped(value) : `${grouped(value)} ${unit}`;
}

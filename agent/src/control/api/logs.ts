import { LOG_LEVELS, type LogLevel } from '@cpns/shared/node';
import * as v from 'valibot';
import type { Progress } from './progress.js';

/** So many lines the agent keeps in memory for `logs`. */
export const MAX_KEPT_LOG_LINES = 1000;

export const logsParams = v.strictObject({
  level: v.optional(v.picklist(LOG_LEVELS), 'info'),
  /** Begin with so many lines of the past. */
  last: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_KEPT_LOG_LINES)), 100),
  /** Go on until the signal fires. */
  follow: v.optional(v.boolean(), false),
});
export type LogsParams = v.InferOutput<typeof logsParams>;

export interface LogLine {
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LogsControl {
  logs(params: LogsParams, progress: Progress<LogLine>): Promise<void>;
}

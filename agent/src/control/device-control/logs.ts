import type { LogsControl } from '../api/logs.js';
import type { ControlContext } from './control-context.js';
import { untilAborted } from './until-aborted.js';

export function logsControl({ logs }: ControlContext): LogsControl {
  return {
    async logs({ level, last, follow }, { emit, signal }) {
      for (const line of logs.past(level, last)) emit(line);
      if (follow) await untilAborted(signal, logs.follow(level, emit));
    },
  };
}

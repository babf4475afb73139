import type { AgentControl } from '../../src/control/agent-control.js';

/** Stands for the core where the control API or the command line is under test: only what a test scripts can be called. */
export function scriptedAgent(script: Partial<AgentControl>): AgentControl {
  return new Proxy({} as AgentControl, {
    get: (_target, name) => {
      const method = script[name as keyof AgentControl];
      return method ?? (() => Promise.reject(new TypeError(`${String(name)} is not scripted`)));
    },
  });
}

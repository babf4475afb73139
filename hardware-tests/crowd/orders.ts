import type { LoopReport } from './closed-loop.js';

/** What a crowd's process can be told. */
export type Order =
  | { readonly do: 'example' | 'connect'; readonly address: string }
  | { readonly do: 'start' | 'begin' | 'report' | 'stop' | 'leave' };

/** One payload on the uplink. */
export interface Passed {
  readonly way: 'up' | 'down';
  readonly octets: number;
}

/** One line for each order. */
export type Answer =
  | { readonly done: 'example'; readonly passed: readonly Passed[] }
  | { readonly done: 'report'; readonly report: LoopReport; readonly cpuUs: number }
  | { readonly done: 'connect' | 'start' | 'begin' | 'stop' | 'leave' }
  | { readonly done: 'failed'; readonly why: string };

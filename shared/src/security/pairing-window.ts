import type { Clock } from '../ports.js';

export type PairingMode = 'code' | 'link';
export interface PairingWindowLimits {
  readonly openMs: number;
  /** Attempts begun in a window with codes. */
  readonly attempts: number;
  /** Wrong tokens that close a window with a link. */
  readonly wrongTokens: number;
}

/** The time during which a device may be paired, and the limits that make guessing hopeless. One attempt at a time. */
export declare class PairingWindow {
  constructor(clock: Clock, mode: PairingMode, limits?: Partial<PairingWindowLimits>);
  readonly mode: PairingMode;
  get open(): boolean;
  /** Milliseconds left; 0 when closed. */
  get remainingMs(): number;
  get attemptsLeft(): number;
  /** @throws CpnsError State/PairingWindowClosed, State/PairingBusy */
  begin(): void;
  /** Ends the attempt under way. */
  end(outcome: 'paired' | 'refused' | 'abandoned'): void;
  close(): void;
}

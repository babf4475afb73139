import { CpnsError, describeError } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import type { Playground } from './playground.js';

/** How long a person waits at most. */
const PATIENCE_MS = 160_000;

/** Told in words what came of an action. */
export type Told = (text: string) => void;

/** The n-th from 0, over and over; undefined: there is none. */
export function nth<T>(items: readonly T[], n: number): T | undefined {
  return items[n % items.length];
}

/** Does something at a device, when it runs. */
export function on(ground: Playground, name: string, told: Told, work: (device: SimulatedDevice) => Promise<unknown>): void {
  const device = ground.running.get(name);
  if (device === undefined) return told(`${name} is off`);
  attempt(told, name, () => work(device));
}

/** What a person cannot have now is no fault; what the program did not expect is. */
export function attempt(told: Told, who: string, work: () => Promise<unknown>): void {
  const failed = (error: unknown) => {
    if (!(error instanceof CpnsError) || error.family === 'Internal') told(`UNEXPECTED ${who}: ${describeError(error)}`);
    else told(`${who} was told: ${error.message}`);
  };
  try {
    work().catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** Why it failed; undefined: it was done. */
export async function why(clock: Playground['clock'], attempt: Promise<unknown>): Promise<string | undefined> {
  const outcome = attempt.then(
    () => undefined,
    (error) => describeError(error),
  );
  return await clock.run(outcome, PATIENCE_MS);
}

/** Checks whose absence no test can notice, because something else gives the same result, each with the reason. By name. */
export const EQUIVALENT: ReadonlyMap<string, string> = new Map([]);

/** Mode of a CPNS entity, as bit flags: BOTH is PN GW of its own PN and PNE of another one (seed 002 B.1.1; code points are ours). */
export const Mode = { Unassigned: 0, Pne: 1, PnGw: 2, Both: 3 } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

/** The device serves as PN GW. */
export function isGateway(mode: Mode): boolean {
  return (mode & Mode.PnGw) !== 0;
}

const NAMES = { 0: 'unassigned', 1: 'PNE', 2: 'PN GW', 3: 'BOTH' } as const satisfies Readonly<Record<Mode, string>>;
/** What the seeds call a mode. */
export type ModeName = (typeof NAMES)[Mode];

/** The mode as the seeds write it. */
export function modeName(mode: Mode): ModeName {
  return NAMES[mode];
}

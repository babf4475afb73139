import type { Assault } from '../../rig.js';

export type { Assault };

/** How a hostile peripheral answers whoever connects to it. `mute`: not at all. `garbage`: with notifications that are no segments. */
export type Lure = 'mute' | 'garbage';

export type HostileOrder = { readonly id: number } /** Connects to that device again and again, from now on, and behaves so. */ & (
  | { readonly do: 'assault'; readonly address: string; readonly kind: Assault }
  /** Advertises with this advertising data (hexadecimal), and answers so. `entityId`: what it says that it is called. */
  | { readonly do: 'lure'; readonly data: string; readonly entityId: string; readonly kind: Lure }
  | { readonly do: 'tally' }
);

/** What it has done so far. */
export interface Tally {
  /** Connections that it made. */
  readonly connections: number;
  /** Connections that others made to it. */
  readonly caught: number;
  readonly octets: number;
}

export type HostileLine =
  | { readonly id: number; readonly result: Tally | null }
  | { readonly id: number; readonly failed: string }
  | { readonly event: 'ready' };

/** What the bare programs say and are told, as JSON lines. */
export const ECHO = {
  service: '5d2a0001b5a3f393e0a9e50e24dcca9e',
  write: '5d2a0002b5a3f393e0a9e50e24dcca9e',
  notify: '5d2a0003b5a3f393e0a9e50e24dcca9e',
  /** Can be read over an encrypted connection only. */
  secret: '5d2a0004b5a3f393e0a9e50e24dcca9e',
} as const;

export const SECRET_VALUE = 'nothing to hide';

/** What a central can be told. `address`: of the peripheral. */
export type BareOrder = { readonly id: number; readonly address: string } & (
  | { readonly do: 'connect' }
  | { readonly do: 'discover' }
  /** Sends so many octets in chunks, each of which comes back, and compares. */
  | { readonly do: 'echo'; readonly octets: number }
  | { readonly do: 'secret' }
  | { readonly do: 'rssi' }
  | { readonly do: 'disconnect' }
);

export interface BareResults {
  connect: null;
  discover: { readonly mtu: number };
  echo: { readonly same: boolean; readonly chunks: number };
  secret: { readonly value: string };
  rssi: { readonly rssi: number };
  disconnect: null;
}

export type BareLine =
  | { readonly id: number; readonly result: BareResults[keyof BareResults] }
  | { readonly id: number; readonly failed: string }
  | { readonly side: 'central' | 'peripheral'; readonly event: 'state'; readonly state: string }
  | { readonly side: 'central' | 'peripheral'; readonly event: 'disconnected'; readonly address: string }
  | { readonly side: 'peripheral'; readonly event: 'advertising' | 'subscribed' }
  | { readonly side: 'peripheral'; readonly event: 'accepted'; readonly address: string };

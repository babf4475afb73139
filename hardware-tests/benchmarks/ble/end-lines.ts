/** What an end of a Bluetooth link is told, as JSON lines. `content`: see {@link contentOf}. */
export type EndOrder = {
  readonly id: number;
} /** The central: to the peripheral with that address. Resolves when messages can go both ways. */ & (
  | { readonly do: 'connect'; readonly address: string }
  /** Resolves when everything is handed over, not when it has arrived. */
  | { readonly do: 'send'; readonly messages: number; readonly octets: number }
  /** What has to come next: so many messages of that length. Resolves when they may come. */
  | { readonly do: 'expect'; readonly messages: number; readonly octets: number }
  /** Resolves when what was expected has arrived, compared with what must have come. */
  | { readonly do: 'arrived' }
  | { readonly do: 'disconnect' }
);

export type EndLine =
  | { readonly id: number; readonly done: true }
  | { readonly id: number; readonly failed: string }
  /** Messages can go both ways. */
  | { readonly event: 'linked' };

/** The octets of every message of that length. */
export function contentOf(octets: number): Uint8Array {
  return Uint8Array.from({ length: octets }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

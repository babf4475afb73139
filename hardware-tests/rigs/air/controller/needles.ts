/** A needle is found when so many octets of it stand in a row: shorter pieces turn up by chance, longer ones fit no small segment. */
const PIECE_OCTETS = 8;
/** So many first octets of a piece say whether it is worth a look. */
const START_OCTETS = 3;
const STARTS = 1 << (8 * START_OCTETS);

interface Piece {
  readonly needle: number;
  readonly octets: Uint8Array;
}

/**
 * Where each needle is found first in `all`, by its place among `needles`; one that is not found is missing. All of them are looked for at
 * once: there may be thousands, and megabytes to look through.
 */
export function firstPlaces(all: Uint8Array, needles: readonly Uint8Array[]): Map<number, number> {
  const found = new Map<number, number>();
  const byStart = new Map<number, Piece[]>();
  const starts = new Uint8Array(STARTS / 8);
  for (const [needle, octets] of needles.entries()) {
    if (octets.length < START_OCTETS) {
      const place = octets.length === 0 ? -1 : Buffer.from(all.buffer, all.byteOffset, all.length).indexOf(octets);
      if (place >= 0) found.set(needle, place);
      continue;
    }
    for (const piece of pieces(octets)) {
      const start = startAt(piece, 0);
      const known = byStart.get(start);
      if (known === undefined) byStart.set(start, [{ needle, octets: piece }]);
      else known.push({ needle, octets: piece });
      starts[start >>> 3] = (starts[start >>> 3] as number) | (1 << (start & 7));
    }
  }
  for (let place = 0; place + START_OCTETS <= all.length; place++) {
    const start = startAt(all, place);
    if (((starts[start >>> 3] as number) & (1 << (start & 7))) === 0) continue;
    for (const { needle, octets } of byStart.get(start) ?? [])
      if (!found.has(needle) && standsAt(all, place, octets)) found.set(needle, place);
  }
  return found;
}

function pieces(needle: Uint8Array): Uint8Array[] {
  if (needle.length <= PIECE_OCTETS) return [needle];
  return Array.from({ length: needle.length - PIECE_OCTETS + 1 }, (_, at) => needle.subarray(at, at + PIECE_OCTETS));
}

function startAt(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 16) | ((octets[at + 1] as number) << 8) | (octets[at + 2] as number);
}

function standsAt(all: Uint8Array, place: number, piece: Uint8Array): boolean {
  return piece.every((octet, at) => all[place + at] === octet);
}

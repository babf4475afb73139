import type { CborValue } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { type Lie, lyingProvider } from '../../rigs/simulation/lying-provider.js';

/** A malicious device or server: everything it says within its own sessions goes through `lie`. */
export class Liar {
  lie: (envelope: Lie) => void = () => {};
  readonly provider = lyingProvider(nativeProvider, (envelope) => this.lie(envelope));

  /** Changes one field of every message of that number; `path` are field keys and places in lists. */
  about(number: number, path: readonly number[], change: (value: CborValue | undefined) => CborValue | undefined): void {
    this.lie = ({ number: said, body }) => {
      if (said === number) put(body, path, change);
    };
  }
}

function put(
  map: Map<number, CborValue>,
  [key, ...rest]: readonly number[],
  change: (value: CborValue | undefined) => CborValue | undefined,
) {
  const value = map.get(key as number);
  const told = rest.length === 0 ? change(value) : within(value, rest, change);
  if (told === undefined) map.delete(key as number);
  else map.set(key as number, told);
}

function within(
  value: CborValue | undefined,
  path: readonly number[],
  change: (value: CborValue | undefined) => CborValue | undefined,
): CborValue {
  if (value instanceof Map) {
    const copy = new Map(value);
    put(copy, path, change);
    return copy;
  }
  const [place = 0, ...rest] = path;
  return (value as readonly CborValue[]).map((item, i) => (i === place ? within(item, rest, change) : item));
}

/** Another value of the same kind and length. */
export function another(value: CborValue | undefined): CborValue {
  if (value instanceof Uint8Array) return value.map((octet, i) => (i === value.length - 1 ? octet ^ 1 : octet));
  if (typeof value === 'string') return value.slice(0, -1) + (value.endsWith('a') ? 'b' : 'a');
  if (typeof value === 'number') return value === 0 ? 1 : 0;
  throw new RangeError('there is nothing to change');
}

export const nothing = (): Uint8Array => new Uint8Array(0);

import type { Entropy } from '../../src/ports.js';
import { RecordingProvider } from '../../src/testing/index.js';
import { flipped } from './channel-fixture.js';

/** Remembers every X25519 private key that it saw, to see whether all of them were erased in the end. */
export class KeyWatch extends RecordingProvider {
  readonly privateKeys: Uint8Array[] = [];

  override x25519Public(privateKey: Uint8Array): Uint8Array {
    this.privateKeys.push(privateKey);
    return super.x25519Public(privateKey);
  }

  get leftOver(): number {
    return this.privateKeys.filter((key) => key.some((octet) => octet !== 0)).length;
  }
}

/** Gives `first`, whatever length is asked for, and honest octets from then on. A handshake draws its nonce first. */
export function entropyBeginningWith(first: Uint8Array, then: Entropy): Entropy {
  let next: Uint8Array | undefined = first;
  return {
    bytes(length) {
      const octets = next?.slice() ?? then.bytes(length);
      next = undefined;
      return octets;
    },
  };
}

/** Every message that differs from `message` in one bit of one of its octet strings, or in one of its numbers. */
export function everyBitFlipped<M extends object>(message: M): M[] {
  return Object.entries(message).flatMap(([name, value]: [string, unknown]): M[] => {
    if (typeof value === 'number') return [0, value + 1, value ^ 0x80].map((other) => ({ ...message, [name]: other }));
    if (!(value instanceof Uint8Array)) return [];
    return Array.from({ length: value.length * 8 }, (_, bit) => ({ ...message, [name]: flipped(value, bit >> 3, bit & 7) }));
  });
}

/** Every message that lacks the last octet of one of its octet strings, has one more, or none at all. */
export function everyLengthWrong<M extends object>(message: M): M[] {
  return Object.entries(message).flatMap(([name, value]: [string, unknown]): M[] =>
    value instanceof Uint8Array
      ? [value.slice(0, -1), Uint8Array.of(...value, 0), new Uint8Array(0)].map((other) => ({ ...message, [name]: other }))
      : [],
  );
}

/** Points of small order (RFC 7748 section 6.1): every private key gives zero with them. */
export const SMALL_ORDER_POINTS = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));

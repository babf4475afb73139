import type { CryptoProvider } from '@cpns/shared';
import { type CborMap, type CborValue, decodeCbor, encodeCbor } from '@cpns/shared/messages';
import { INNER_TYPE, toHex } from '@cpns/shared/security';

/** An envelope about to be sealed: message number and body, to be changed at will, and everything else of it. */
export interface Lie {
  number: number;
  sender: string;
  body: Map<number, CborValue>;
  /** An answer has that of its request. */
  readonly transaction: string;
}

const KEY = { message: 2, transaction: 3, sender: 4, body: 5 } as const;

/**
 * A provider whose device lies within its own sessions: `lie` may change every envelope before it is sealed. What comes out must not
 * be longer than what padding leaves room for.
 */
export function lyingProvider(inner: CryptoProvider, lie: (envelope: Lie) => void): CryptoProvider {
  const seal: CryptoProvider['seal'] = (key, nonce, aad, plain) => inner.seal(key, nonce, aad, retold(plain, lie));
  return new Proxy(inner, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name === 'seal') return seal;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** content || innerType || zeros, with another content of one envelope. */
function retold(plain: Uint8Array, lie: (envelope: Lie) => void): Uint8Array {
  let end = plain.length - 1;
  while (end > 0 && plain[end] === 0) end--;
  if (plain[end] !== INNER_TYPE.envelope) return plain;
  const envelope = new Map(decodeCbor(plain.slice(0, end)) as CborMap);
  const told: Lie = {
    number: envelope.get(KEY.message) as number,
    sender: envelope.get(KEY.sender) as string,
    body: new Map(envelope.get(KEY.body) as CborMap),
    transaction: toHex(envelope.get(KEY.transaction) as Uint8Array),
  };
  lie(told);
  envelope.set(KEY.message, told.number).set(KEY.sender, told.sender).set(KEY.body, told.body);
  const content = encodeCbor(envelope);
  if (content.length > plain.length - 1) throw new RangeError('a lie must not be longer than the truth');
  const result = new Uint8Array(plain.length);
  result.set(content);
  result[content.length] = INNER_TYPE.envelope;
  return result;
}

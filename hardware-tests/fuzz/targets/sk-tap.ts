import type { CryptoProvider } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { concat, nonceFor, paddedLength, RECORD_TYPE, readU64be, SK_HEADER_LENGTH, skHeader } from '@cpns/shared/security';

const TAG_LENGTH = 16;
const INST_AT = 9;
const SEQ_AT = 17;

/** Key, names and number of the SK session in which a device sealed last. */
interface Session {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly sid: Uint8Array;
  readonly inst: Uint8Array;
}

/** A device's provider that lets somebody else seal in its SK session: the device is its own attacker. */
export class SkTap {
  readonly provider: CryptoProvider;
  #session: Session | undefined;
  /** Far above the device's own numbers. */
  #seq = 1n << 32n;

  constructor() {
    this.provider = new Proxy(nativeProvider, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (name !== 'seal') return typeof member === 'function' ? member.bind(target) : member;
        return (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array) => {
          if (aad.length === SK_HEADER_LENGTH && aad[0] === RECORD_TYPE.sk) this.#note(key, nonce, aad);
          return target.seal(key, nonce, aad, plain);
        };
      },
    });
  }

  /** A record of the device's session; undefined before there is one. */
  record(innerType: number, content: Uint8Array): Uint8Array | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    const seq = this.#seq++;
    const plain = new Uint8Array(paddedLength(content.length + 1));
    plain.set(content);
    plain[content.length] = innerType;
    const header = skHeader(session.sid, session.inst, seq, plain.length + TAG_LENGTH);
    return concat(header, nativeProvider.seal(session.key, nonceFor(session.iv, seq), header, plain));
  }

  #note(key: Uint8Array, nonce: Uint8Array, header: Uint8Array): void {
    const inst = header.slice(INST_AT, SEQ_AT);
    if (this.#session !== undefined && Buffer.compare(this.#session.inst, inst) === 0) return;
    // XOR with the number takes it out of the nonce again.
    const iv = nonceFor(nonce, readU64be(header, SEQ_AT));
    this.#session = { key: key.slice(), iv, sid: header.slice(1, INST_AT), inst };
  }
}

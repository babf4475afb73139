import { encodeCbor } from '../messages/cbor.js';
import type { CryptoProvider } from '../ports.js';
import { concat, nonceFor, writeU64be } from './bytes.js';
import { encodeMessageHeader, type MessageHeader, messageAad } from './keyed-message.js';
import { AEAD_KEY_LENGTH } from './provider-lengths.js';
import { Secret } from './secret.js';

/** Key and iv of one sender's run in one epoch, with what all messages of that run have in common, so that none makes it anew. */
export class SenderKey {
  readonly #provider: CryptoProvider;
  readonly #key: Secret;
  readonly #iv: Secret;
  /** Header up to the number, which is its last item. */
  readonly #head: Uint8Array;
  /** Ends with the number, which changes from message to message. */
  readonly #aad: Uint8Array;

  /** `keyIv`: that of `messageKeyIv` for the same header; overwritten. */
  constructor(provider: CryptoProvider, keyIv: Uint8Array, header: Omit<MessageHeader, 'seq'>) {
    const first = { ...header, seq: 0n };
    this.#provider = provider;
    this.#key = Secret.take('message key', keyIv.subarray(0, AEAD_KEY_LENGTH));
    this.#iv = Secret.take('message iv', keyIv.subarray(AEAD_KEY_LENGTH));
    this.#head = encodeMessageHeader(first).slice(0, -1);
    this.#aad = messageAad(first);
  }

  /** The message as it travels. `seq` must never come twice. */
  seal(seq: bigint, content: Uint8Array): Uint8Array {
    const sealed = this.#provider.seal(this.#key.reveal(), nonceFor(this.#iv.reveal(), seq), this.#aadOf(seq), content);
    return concat(this.#head, encodeCbor(seq), sealed);
  }

  /** The content, or undefined when the message is not one that was sealed under this key with that number. */
  open(seq: bigint, sealed: Uint8Array): Uint8Array | undefined {
    return this.#provider.open(this.#key.reveal(), nonceFor(this.#iv.reveal(), seq), this.#aadOf(seq), sealed);
  }

  erase(): void {
    this.#key.erase();
    this.#iv.erase();
  }

  #aadOf(seq: bigint): Uint8Array {
    writeU64be(this.#aad, this.#aad.length - 8, seq);
    return this.#aad;
  }
}

import type { CryptoProvider } from '../ports.js';
import { toHex } from './bytes.js';
import { eraseKeys, type SkDirection } from './channel-keys.js';
import type { SkMaterial } from './handshake-types.js';
import type { RecordKeys } from './record.js';
import { ReplayWindow } from './replay-window.js';
import { lowerLimits } from './session-limits.js';
import { type OpenedSkRecord, openSkRecordWith, readSkHeader, skRecordKeys, skSid } from './sk-record.js';
import { SK_LIMITS, type SkLimits } from './sk-sender.js';

interface SenderState {
  readonly keys: RecordKeys;
  readonly window: ReplayWindow;
}

export interface SkReceiverOptions {
  readonly provider: CryptoProvider;
  /** Stays with the caller, and must outlive the receiver. */
  readonly material: SkMaterial;
  readonly direction: SkDirection;
  readonly limits?: Partial<SkLimits> | undefined;
}

/**
 * Opens the records of one direction of an SK session, in any order and each once: a window of 1024 numbers per sender, at most 16
 * senders. What is wrong or was seen is dropped in silence, for anybody can send such a thing.
 */
export class SkReceiver {
  readonly sid: Uint8Array;
  readonly #provider: CryptoProvider;
  readonly #material: SkMaterial;
  readonly #direction: SkDirection;
  readonly #instsPerSid: number;
  /** By inst in hex. Only senders that were proven by a tag. */
  readonly #senders = new Map<string, SenderState>();
  #refusedSender = false;
  #closed = false;

  /** @throws CpnsError Internal/BadLimit */
  constructor({ provider, material, direction, limits }: SkReceiverOptions) {
    this.sid = skSid(provider, material);
    this.#provider = provider;
    this.#material = material;
    this.#direction = direction;
    this.#instsPerSid = lowerLimits(SK_LIMITS, limits).instsPerSid;
  }

  /** A genuine sender was turned away because there were too many before it. */
  get mustRehandshake(): boolean {
    return this.#closed || this.#refusedSender;
  }

  /** Undefined: not a record of this session and direction, or seen before, or too old. */
  open(record: Uint8Array): OpenedSkRecord | undefined {
    if (this.#closed) return undefined;
    const header = readSkHeader(record);
    if (header === undefined || !this.#provider.equal(header.sid, this.sid)) return undefined;
    const { inst, seq } = header;
    const name = toHex(inst);
    const known = this.#senders.get(name);
    if (known !== undefined && !known.window.isFresh(seq)) return undefined;
    const keys = known?.keys ?? skRecordKeys(this.#provider, this.#material, this.#direction, inst);
    const opened = openSkRecordWith(this.#provider, keys, seq, record);
    const sender = known ?? (opened === undefined ? undefined : this.#admit(name, keys));
    if (opened === undefined || sender === undefined) {
      if (known === undefined) eraseKeys(keys);
      return undefined;
    }
    sender.window.accept(seq);
    return { inst, seq, innerType: opened.innerType, content: opened.content };
  }

  /** Overwrites the keys and opens nothing more; the material is not touched. May be called again. */
  erase(): void {
    this.#closed = true;
    for (const { keys } of this.#senders.values()) eraseKeys(keys);
    this.#senders.clear();
  }

  #admit(name: string, keys: RecordKeys): SenderState | undefined {
    if (this.#senders.size >= this.#instsPerSid) {
      this.#refusedSender = true;
      return undefined;
    }
    const sender = { keys, window: new ReplayWindow() };
    this.#senders.set(name, sender);
    return sender;
  }
}

/** Place of one SK record; `sid` and `inst` have 8 octets (security 1.6b). */
export interface RecordPlace {
  readonly sid: Uint8Array;
  readonly inst: Uint8Array;
  readonly seq: bigint;
}

/**
 * Which SK records took effect, in the transaction of the effect. Rows live as long as the session keys: session keys are process
 * memory, so opening the database empties this.
 */
export interface Records {
  /** False: that record was here before, or is older than what is kept (1 h). Then drop it silently. */
  admit(place: RecordPlace): boolean;
  /** The session is gone: forget its records. */
  forget(sid: Uint8Array): void;
}

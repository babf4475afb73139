import type { SeededChoices } from '@cpns/shared/testing';

/** The code under test, ready to be given inputs. */
export interface OpenTarget {
  /**
   * Gives one input to the code under test. Throws when that did anything but accept it or refuse it in the documented way; a
   * coverage-guided fuzzer can call it as it is.
   */
  fuzz(data: Uint8Array): void | Promise<void>;
  /** Gives back sockets and timers. */
  close?(): void | Promise<void>;
}

/** One door through which octets of strangers come in. */
export interface FuzzTarget {
  readonly name: string;
  /** For people, one line. */
  readonly title: string;
  /** Words of the format, spliced into inputs now and then. */
  readonly tokens?: readonly string[];
  /** Changes an input in ways that keep its outer form; undefined: this input has no such form. */
  readonly reshape?: (data: Uint8Array, choices: SeededChoices) => Uint8Array | undefined;
  /** What one input may take whatever the others take, in milliseconds. Default: 50. */
  readonly allowedMs?: number;
  /** The target whose seeds serve this one, too. */
  readonly seedsOf?: string;
  /** Inputs that are accepted, by file name: the committed corpus is made of them. Absent with {@link seedsOf}. */
  seeds?(traffic: Traffic): ReadonlyMap<string, Uint8Array> | Promise<ReadonlyMap<string, Uint8Array>>;
  open(): OpenTarget | Promise<OpenTarget>;
}

/** What was said in a run of the simulation. */
export interface Traffic {
  /** Envelopes by the name of their message, every message of the catalogue. */
  readonly envelopes: ReadonlyMap<string, Uint8Array>;
}

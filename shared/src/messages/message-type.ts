import type { StructSchema } from './schema.js';

/** Parties of CPNS; `Peer` is either of two paired devices before roles count. */
export type Party = 'PNE' | 'GW' | 'Server' | 'Peer';

/** `A>B`: who sends to whom. */
export type Direction = `${Party}>${Party}`;

/**
 * What protects a message on its way:
 * `clear` nothing (a frame of type 0x00); `link` the link session; `pan` the PAN session of one PN; `sk` the SK channel between a
 * device and the server, whoever carries it.
 */
export type Channel = 'clear' | 'link' | 'pan' | 'sk';

/** A request expects an answer with its transaction id; a notify expects an Ack or nothing. */
export type Kind = 'request' | 'answer' | 'notify';

/** One row of the catalogue. */
export interface MessageType<T = unknown> {
  readonly number: number;
  /** As the seeds write it. */
  readonly name: string;
  readonly kind: Kind;
  /** Its envelope names no sender: who sends it is told to nobody on the air. */
  readonly anonymous?: true;
  readonly directions: readonly Direction[];
  readonly channels: readonly Channel[];
  /** Seed and step, or the section of docs/protocol.md for what the seeds leave open. */
  readonly source: string;
  readonly body: StructSchema<T>;
}

/** A message of any body type. */
// biome-ignore lint/suspicious/noExplicitAny: a list of messages with different bodies has no other element type
export type AnyMessage = MessageType<any>;

/** The body type of a message. */
export type BodyOf<M> = M extends MessageType<infer T> ? T : never;

export function defineMessage<T>(type: MessageType<T>): MessageType<T> {
  return type;
}

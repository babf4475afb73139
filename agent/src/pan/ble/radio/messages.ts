import { MAX_FRAME_OCTETS } from '@cpns/shared';
import * as v from 'valibot';

/*
 * What the agent and its radio process say to each other, one message for each CPNS frame. Both sides check what they read: the radio
 * process runs foreign code next to everything that comes off the air.
 */

/** Of a link or an attempt; never used again. */
const id = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 32));
const address = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/));
const sentence = v.pipe(v.string(), v.minLength(1), v.maxLength(1_000));
const octets = (least: number, most: number) =>
  v.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length >= least && value.length <= most);
const frame = v.strictObject({ type: v.literal('frame'), link: id, octets: octets(1, MAX_FRAME_OCTETS) });
const advertisement = v.strictObject({ mode: v.picklist([0, 1, 2, 3]), pairingOpen: v.boolean(), hint: octets(6, 6) });
const desire = v.strictObject({
  advertisement: v.undefinedable(advertisement),
  readableId: v.pipe(v.string(), v.maxLength(32)),
  scan: v.boolean(),
  role: v.picklist(['central', 'peripheral', 'either']),
});

const toRadio = v.variant('type', [
  v.strictObject({ type: v.literal('want'), desire }),
  /** Makes a link; answered by `connected` or `failed`. */
  v.strictObject({ type: v.literal('connect'), attempt: id, address }),
  /** Reads the entity id; answered by `entityId` or `failed`. */
  v.strictObject({ type: v.literal('read'), attempt: id, address }),
  v.strictObject({ type: v.literal('cancel'), attempt: id }),
  frame,
  /** Frames of this weight were handed on. */
  v.strictObject({ type: v.literal('taken'), link: id, weight: count }),
  v.strictObject({ type: v.literal('proven'), link: id }),
  v.strictObject({ type: v.literal('close'), link: id }),
  v.strictObject({ type: v.literal('ping') }),
  v.strictObject({ type: v.literal('stop') }),
]);
export type ToRadio = v.InferOutput<typeof toRadio>;

const fromRadio = v.variant('type', [
  v.strictObject({ type: v.literal('advertised'), address, advertisement, rssi: v.pipe(v.number(), v.minValue(-128), v.maxValue(127)) }),
  v.strictObject({ type: v.literal('accepted'), link: id, address }),
  v.strictObject({ type: v.literal('connected'), attempt: id, link: id }),
  v.strictObject({ type: v.literal('entityId'), attempt: id, text: v.pipe(v.string(), v.maxLength(512)) }),
  v.strictObject({
    type: v.literal('failed'),
    attempt: id,
    family: v.picklist(['Codec', 'Auth', 'State', 'Timeout', 'Transport', 'Config', 'Internal']),
    code: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,64}$/)),
    sentence,
  }),
  frame,
  /** Part of a frame has come on this link. */
  v.strictObject({ type: v.literal('heard'), link: id }),
  /** Frames of this weight were handed to the adapter. */
  v.strictObject({ type: v.literal('sent'), link: id, weight: count }),
  /** The last word on this link. */
  v.strictObject({ type: v.literal('closed'), link: id, reason: sentence }),
  /** It works, and strives for what is wanted. */
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('problem'), sentence: v.undefinedable(sentence) }),
  v.strictObject({ type: v.literal('pong') }),
]);
export type FromRadio = v.InferOutput<typeof fromRadio>;

/** Undefined for what the agent never says. */
export function readToRadio(message: unknown): ToRadio | undefined {
  return parsed(toRadio, message);
}

/** Undefined for what a radio never says. */
export function readFromRadio(message: unknown): FromRadio | undefined {
  return parsed(fromRadio, message);
}

function parsed<T extends v.GenericSchema>(schema: T, message: unknown): v.InferOutput<T> | undefined {
  const { success, output } = v.safeParse(schema, message, { abortEarly: true });
  return success ? output : undefined;
}

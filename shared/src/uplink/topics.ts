import { type EntityId, isEntityId, isPnId, type PnId } from '../ids.js';

/** First two levels of every topic of this protocol. */
const ROOT = 'cpns/v1';
/** Third level of application data; an entity may have this id too, so topics of entities are told apart by their number of levels. */
const DATA = 'data';

/** Characters of a channel of application data: one topic level, no wildcards, printable. */
const CHANNEL = /^[A-Za-z0-9._-]{1,32}$/;

/** What a device and the server say to each other. */
export type DeviceTopicKind = 'up' | 'down' | 'state';

/** Every topic there is (protocol 0.31). */
export type Topic =
  /** `up`: device to server. `down`: server to device. `state`: retained birth and will of the device. */
  | { readonly kind: DeviceTopicKind; readonly entityId: EntityId }
  /** Application data for backends. */
  | { readonly kind: 'data'; readonly pnId: PnId; readonly entityId: EntityId; readonly channel: string };

/** A channel of application data that may stand in a topic. */
export function isChannel(text: string): boolean {
  return CHANNEL.test(text);
}

export function upTopic(entityId: EntityId): string {
  return `${ROOT}/${entityId}/up`;
}
export function downTopic(entityId: EntityId): string {
  return `${ROOT}/${entityId}/down`;
}
export function stateTopic(entityId: EntityId): string {
  return `${ROOT}/${entityId}/state`;
}
/** `channel` satisfies {@link isChannel}. */
export function dataTopic(pnId: PnId, entityId: EntityId, channel: string): string {
  return `${ROOT}/${DATA}/${pnId}/${entityId}/${channel}`;
}

/** The filters under which a server with an external broker hears all devices. */
export const ALL_UP = `${ROOT}/+/up`;
export const ALL_STATE = `${ROOT}/+/state`;

/** Longest topic or filter that is looked at. */
const LONGEST = 160;

/** The topic, or undefined when `text` is none: another prefix, a bad id, a wildcard, a level too many. */
export function parseTopic(text: string): Topic | undefined {
  if (text.length > LONGEST) return undefined;
  const levels = text.split('/');
  if (levels[0] !== 'cpns' || levels[1] !== 'v1') return undefined;
  const [, , first = '', second = '', third = '', channel = ''] = levels;
  if (levels.length === 4) {
    if (!isEntityId(first)) return undefined;
    if (second !== 'up' && second !== 'down' && second !== 'state') return undefined;
    return { kind: second, entityId: first };
  }
  if (levels.length === 6) {
    if (first !== DATA || !isPnId(second) || !isEntityId(third) || !isChannel(channel)) return undefined;
    return { kind: 'data', pnId: second, entityId: third, channel };
  }
  return undefined;
}

/** A part of a filter that is either a value or the single-level wildcard. */
export type Wild<T> = T | '+';

/** What a subscription asks for. Only filters that a rule could grant have a form here. */
export type Filter =
  | { readonly kind: DeviceTopicKind; readonly entityId: Wild<EntityId> }
  | { readonly kind: 'data'; readonly pnId: Wild<PnId>; readonly entityId: Wild<EntityId>; readonly channel: Wild<string> };

const WILD = '+';

/**
 * The filter, or undefined when `text` could match anything but topics of one kind: `#`, a wildcard for the kind, `$share/...`,
 * `$SYS/...`, anything malformed.
 */
export function parseFilter(text: string): Filter | undefined {
  if (text.length > LONGEST) return undefined;
  const levels = text.split('/');
  if (levels[0] !== 'cpns' || levels[1] !== 'v1') return undefined;
  const [, , first = '', second = '', third = '', channel = ''] = levels;
  if (levels.length === 4) {
    if (first !== WILD && !isEntityId(first)) return undefined;
    if (second !== 'up' && second !== 'down' && second !== 'state') return undefined;
    return { kind: second, entityId: first };
  }
  if (levels.length === 6) {
    if (first !== DATA) return undefined;
    if (second !== WILD && !isPnId(second)) return undefined;
    if (third !== WILD && !isEntityId(third)) return undefined;
    if (channel !== WILD && !isChannel(channel)) return undefined;
    return { kind: 'data', pnId: second, entityId: third, channel };
  }
  return undefined;
}

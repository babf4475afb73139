import type { EntityId } from '../ids.js';
import { type Filter, parseFilter, parseTopic, type Topic } from './topics.js';

/** Who acts on the broker, as the transport proved it. */
export type Principal =
  /** A device: TLS-PSK identity and client id are this entity id. */
  | { readonly kind: 'device'; readonly entityId: EntityId }
  /** The CPNS Server. */
  | { readonly kind: 'server' }
  /** An application account of a backend: reads application data, where the operator has switched that on. */
  | { readonly kind: 'application'; readonly dataTopics: boolean };

/**
 * What is asked. `retained` is asked beside `publish` or `will` when the retain flag is set; `will` when a connection announces its
 * will and again when it is sent; `forward` for each message about to be handed to a subscriber.
 */
export type Action = 'publish' | 'subscribe' | 'will' | 'retained' | 'forward';

/**
 * The one rule of access, asked by every broker (protocol 0.31). What is not granted here is denied, whatever else a broker may
 * know: other prefixes, `$SYS`, `$share`, filters that span kinds of topics.
 * @param topic the topic, or the topic filter when `action` is `subscribe`
 */
export function authorize(principal: Principal, action: Action, topic: string): boolean {
  if (action === 'subscribe') {
    const filter = parseFilter(topic);
    return filter !== undefined && maySubscribe(principal, filter);
  }
  const parsed = parseTopic(topic);
  if (parsed === undefined) return false;
  switch (principal.kind) {
    case 'device':
      return deviceMay(principal.entityId, action, parsed);
    case 'server':
      return serverMay(action, parsed);
    case 'application':
      return action === 'forward' && principal.dataTopics && parsed.kind === 'data';
  }
}

/** A device speaks on its `up`, hears its `down`, and leaves its birth and will, retained, on its `state`. */
function deviceMay(self: EntityId, action: Exclude<Action, 'subscribe'>, topic: Topic): boolean {
  if (topic.entityId !== self) return false;
  switch (action) {
    case 'publish':
      return topic.kind === 'up' || topic.kind === 'state';
    case 'will':
    case 'retained':
      return topic.kind === 'state';
    case 'forward':
      return topic.kind === 'down';
  }
}

/** The server hears every `up` and `state`, speaks on every `down`, and publishes application data; it retains nothing. */
function serverMay(action: Exclude<Action, 'subscribe'>, topic: Topic): boolean {
  switch (action) {
    case 'publish':
      return topic.kind === 'down' || topic.kind === 'data';
    case 'forward':
      return topic.kind === 'up' || topic.kind === 'state';
    case 'will':
    case 'retained':
      return false;
  }
}

function maySubscribe(principal: Principal, filter: Filter): boolean {
  switch (principal.kind) {
    case 'device':
      return filter.kind === 'down' && filter.entityId === principal.entityId;
    case 'server':
      return filter.kind === 'up' || filter.kind === 'state';
    case 'application':
      return principal.dataTopics && filter.kind === 'data';
  }
}

import {
  type Action,
  authorize,
  dataTopic,
  downTopic,
  entityId,
  parseFilter,
  parseTopic,
  pnId,
  stateTopic,
  type Topic,
  upTopic,
} from '@cpns/shared';
import { must } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

const SELF = entityId('phone-1');
const PN = pnId('00112233445566778899aabbccddeeff');
const GRANTED: Readonly<Record<Action, readonly string[]>> = {
  publish: [upTopic(SELF), stateTopic(SELF)],
  subscribe: [downTopic(SELF)],
  will: [stateTopic(SELF)],
  retained: [stateTopic(SELF)],
  forward: [downTopic(SELF)],
};
const ACTIONS = Object.keys(GRANTED) as Action[];

function spelt(topic: Topic): string {
  if (topic.kind === 'data') return dataTopic(topic.pnId, topic.entityId, topic.channel);
  return { up: upTopic, down: downTopic, state: stateTopic }[topic.kind](topic.entityId);
}

export const topics: FuzzTarget = {
  name: 'topics',
  title: 'MQTT topics and filters, and who may use them',
  tokens: ['/', '+', '#', '$share/g/', '$SYS/', 'cpns/v1/', 'data', 'up', 'down', 'state', '\u0000', '-'],
  seeds: () =>
    new Map(
      Object.entries({
        up: upTopic(SELF),
        down: downTopic(SELF),
        state: stateTopic(SELF),
        data: dataTopic(PN, SELF, 'temperature'),
        'all-up': 'cpns/v1/+/up',
        'all-data': 'cpns/v1/data/+/+/+',
      }).map(([name, topic]) => [name, octetsOf(topic)]),
    ),
  open: () => ({
    fuzz(data) {
      const text = textOf(data);
      const topic = parseTopic(text);
      must(topic === undefined || spelt(topic) === text, 'a topic is spelt in two ways');
      must(topic === undefined || parseFilter(text) !== undefined, 'a topic is no filter');
      for (const action of ACTIONS) {
        const allowed = authorize({ kind: 'device', entityId: SELF }, action, text);
        must(allowed === GRANTED[action].includes(text), `a device may ${action} what it must not, or must not what it may`);
        must(!authorize({ kind: 'application', dataTopics: false }, action, text), 'an application may something although that is off');
      }
    },
  }),
};

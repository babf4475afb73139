import { type Action, authorize, dataTopic, downTopic, entityId, type Principal, pnId, stateTopic, upTopic } from '@cpns/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const own = entityId('phone-1');
const other = entityId('laptop-2');
const pn = pnId('00112233445566778899aabbccddeeff');

const principals = {
  device: { kind: 'device', entityId: own },
  server: { kind: 'server' },
  application: { kind: 'application', dataTopics: true },
  'application, switched off': { kind: 'application', dataTopics: false },
} as const satisfies Record<string, Principal>;

const actions = ['publish', 'subscribe', 'will', 'retained', 'forward'] as const satisfies readonly Action[];

const topics = {
  'own up': upTopic(own),
  'own down': downTopic(own),
  'own state': stateTopic(own),
  'other up': upTopic(other),
  'other down': downTopic(other),
  'other state': stateTopic(other),
  data: dataTopic(pn, own, 'c'),
  'all up': 'cpns/v1/+/up',
  'all down': 'cpns/v1/+/down',
  'all state': 'cpns/v1/+/state',
  'all data': 'cpns/v1/data/+/+/+',
  'own everything': 'cpns/v1/phone-1/#',
  'own kinds': 'cpns/v1/phone-1/+',
  'prefix everything': 'cpns/v1/#',
  everything: '#',
  'one level': '+',
  'root level': '/#',
  'four levels': '+/+/+/+',
  system: '$SYS/#',
  'system clients': '$SYS/broker/new/clients',
  shared: '$share/g/cpns/v1/phone-1/down',
  'deeper than own down': 'cpns/v1/phone-1/down/x',
  'trailing slash': 'cpns/v1/phone-1/down/',
  'own id as prefix': 'cpns/v1/phone-10/down',
  'id with wildcard': 'cpns/v1/phone-1+/down',
  'other version': 'cpns/v2/phone-1/up',
  'foreign prefix': 'homeassistant/phone-1/up',
  empty: '',
} as const;
type TopicName = keyof typeof topics;

/** Everything that is allowed. All else of principals x actions x topics must be denied. */
const granted: Readonly<Record<keyof typeof principals, Partial<Record<Action, readonly TopicName[]>>>> = {
  device: {
    publish: ['own up', 'own state'],
    subscribe: ['own down'],
    will: ['own state'],
    retained: ['own state'],
    forward: ['own down'],
  },
  server: {
    publish: ['own down', 'other down', 'data', 'own id as prefix'],
    subscribe: ['own up', 'other up', 'all up', 'own state', 'other state', 'all state'],
    forward: ['own up', 'other up', 'own state', 'other state'],
  },
  application: {
    subscribe: ['data', 'all data'],
    forward: ['data'],
  },
  'application, switched off': {},
};

describe('authorize', () => {
  for (const [name, principal] of Object.entries(principals)) {
    for (const action of actions) {
      it(`${name}: ${action}`, () => {
        const allowed = Object.entries(topics)
          .filter(([, topic]) => authorize(principal, action, topic))
          .map(([topicName]) => topicName);
        expect(allowed.sort()).toEqual([...(granted[name as keyof typeof principals][action] ?? [])].sort());
      });
    }
  }

  it('grants a device nothing outside its own three topics, whatever the text', () => {
    const mine = new Set([upTopic(own), downTopic(own), stateTopic(own)]);
    const level = fc.oneof(
      fc.constantFrom('cpns', 'v1', 'phone-1', 'laptop-2', 'up', 'down', 'state', 'data', '+', '#', '$SYS', ''),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...actions), fc.array(level, { maxLength: 7 }), (action, levels) => {
        const topic = levels.join('/');
        if (authorize(principals.device, action, topic)) expect(mine).toContain(topic);
      }),
      { numRuns: 2000 },
    );
  });

  it('grants the server and applications nothing outside the topics of this protocol, whatever the text', () => {
    const level = fc.oneof(
      fc.constantFrom('cpns', 'v1', 'phone-1', 'up', 'down', 'state', 'data', pn, 'c', '+', '#', '$SYS', '$share', ''),
      fc.string(),
    );
    const form = {
      server:
        /^cpns\/v1\/(?:[a-z0-9-]{3,32}\/(?:up|down|state)|\+\/(?:up|state)|data\/[0-9a-f]{32}\/[a-z0-9-]{3,32}\/[A-Za-z0-9._-]{1,32})$/,
      application: /^cpns\/v1\/data\/(?:[0-9a-f]{32}|\+)\/(?:[a-z0-9-]{3,32}|\+)\/(?:[A-Za-z0-9._-]{1,32}|\+)$/,
      'application, switched off': /(?!)/,
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(form) as (keyof typeof form)[])),
        fc.constantFrom(...actions),
        fc.tuple(fc.constantFrom('cpns/v1/', ''), fc.array(level, { maxLength: 6 })),
        (who, action, [root, levels]) => {
          const topic = root + levels.join('/');
          if (authorize(principals[who], action, topic)) expect(topic).toMatch(form[who]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('lets a device speak and hear on different topics only, so that nothing it says is echoed to it', () => {
    for (const topic of Object.values(topics)) {
      expect(authorize(principals.device, 'publish', topic) && authorize(principals.device, 'forward', topic)).toBe(false);
    }
  });
});

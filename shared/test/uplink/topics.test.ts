import {
  ALL_STATE,
  ALL_UP,
  dataTopic,
  downTopic,
  entityId,
  isChannel,
  isEntityId,
  isPnId,
  parseFilter,
  parseTopic,
  pnId,
  stateTopic,
  upTopic,
} from '@cpns/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const phone = entityId('phone-1');
const pn = pnId('00112233445566778899aabbccddeeff');
const anyEntity = fc.stringMatching(/^[a-z0-9-]{3,32}$/).filter(isEntityId);
const anyPn = fc.stringMatching(/^[0-9a-f]{32}$/).filter(isPnId);
const anyChannel = fc.stringMatching(/^[A-Za-z0-9._-]{1,32}$/);

describe('topics', () => {
  it('are spelt as the design says', () => {
    expect(upTopic(phone)).toBe('cpns/v1/phone-1/up');
    expect(downTopic(phone)).toBe('cpns/v1/phone-1/down');
    expect(stateTopic(phone)).toBe('cpns/v1/phone-1/state');
    expect(dataTopic(pn, phone, 'temperature')).toBe('cpns/v1/data/00112233445566778899aabbccddeeff/phone-1/temperature');
    expect(ALL_UP).toBe('cpns/v1/+/up');
    expect(ALL_STATE).toBe('cpns/v1/+/state');
  });

  it('parse back to what they were built from', () => {
    fc.assert(
      fc.property(anyEntity, anyPn, anyChannel, (entity, pn, channel) => {
        expect(parseTopic(upTopic(entity))).toEqual({ kind: 'up', entityId: entity });
        expect(parseTopic(downTopic(entity))).toEqual({ kind: 'down', entityId: entity });
        expect(parseTopic(stateTopic(entity))).toEqual({ kind: 'state', entityId: entity });
        expect(parseTopic(dataTopic(pn, entity, channel))).toEqual({ kind: 'data', pnId: pn, entityId: entity, channel });
      }),
    );
  });

  it('tell the entity "data" from application data', () => {
    const data = entityId('data');
    expect(parseTopic(upTopic(data))).toEqual({ kind: 'up', entityId: data });
    expect(parseFilter(upTopic(data))).toEqual({ kind: 'up', entityId: data });
  });

  it.each([
    '',
    '/',
    'cpns',
    'cpns/v1',
    'cpns/v1/phone-1',
    'cpns/v1/phone-1/',
    'cpns/v1/phone-1/up/',
    '/cpns/v1/phone-1/up',
    'cpns/v2/phone-1/up',
    'CPNS/v1/phone-1/up',
    'cpns/v1/phone-1/Up',
    'cpns/v1/phone-1/other',
    'cpns/v1//up',
    'cpns/v1/ab/up',
    'cpns/v1/PHONE-1/up',
    'cpns/v1/0123456789abcdef/up',
    'cpns/v1/phone_1/up',
    'cpns/v1/phone-1\0/up',
    'cpns/v1/phone-1/up\n',
    `cpns/v1/${'a'.repeat(33)}/up`,
    `cpns/v1/data/${pn}/phone-1`,
    `cpns/v1/data/${pn}/phone-1/`,
    `cpns/v1/data/${pn}/phone-1/a/b`,
    `cpns/v1/data/${pn.toUpperCase()}/phone-1/a`,
    `cpns/v1/data/${pn}/phone-1/ä`,
    `cpns/v1/data/${pn}/phone-1/${'c'.repeat(33)}`,
    `cpns/v1/other/${pn}/phone-1/a`,
    '$SYS/broker/uptime',
    '$share/workers/cpns/v1/phone-1/up',
    `cpns/v1/${'phone-1/'.repeat(10_000)}`,
  ])('refuse %j', (text) => {
    expect(parseTopic(text)).toBeUndefined();
    expect(parseFilter(text)).toBeUndefined();
  });

  it('have no wildcards', () => {
    for (const text of ['cpns/v1/+/up', 'cpns/v1/phone-1/+', 'cpns/v1/phone-1/#', '#', '+/+/+/+', `cpns/v1/data/${pn}/+/a`]) {
      expect(parseTopic(text)).toBeUndefined();
    }
  });
});

describe('filters', () => {
  it('may name every entity, PN and channel', () => {
    expect(parseFilter(ALL_UP)).toEqual({ kind: 'up', entityId: '+' });
    expect(parseFilter('cpns/v1/data/+/+/+')).toEqual({ kind: 'data', pnId: '+', entityId: '+', channel: '+' });
    expect(parseFilter(`cpns/v1/data/${pn}/phone-1/+`)).toEqual({ kind: 'data', pnId: pn, entityId: phone, channel: '+' });
  });

  it.each([
    '#',
    '+',
    '/#',
    '+/#',
    '+/v1/phone-1/down',
    'cpns/+/phone-1/down',
    'cpns/#',
    'cpns/v1/#',
    'cpns/v1/+',
    'cpns/v1/+/+',
    'cpns/v1/+/#',
    'cpns/v1/phone-1/#',
    'cpns/v1/phone-1/+',
    'cpns/v1/phone-1/down/#',
    'cpns/v1/phone+/down',
    'cpns/v1/data/#',
    'cpns/v1/data/+/+',
    'cpns/v1/+/+/+/+',
    '$SYS/#',
    '$SYS/+/new/clients',
    '$share/workers/cpns/v1/+/up',
    '$queue/cpns/v1/+/up',
  ])('refuse %j, which spans more than one kind of topic', (text) => {
    expect(parseFilter(text)).toBeUndefined();
  });

  it('accept every topic, and match nothing that is no topic of the same kind', () => {
    fc.assert(
      fc.property(fc.constantFrom('up', 'down', 'state', 'x', '+', '#', ''), fc.oneof(anyEntity, fc.constant('+')), (kind, entity) => {
        const filter = parseFilter(`cpns/v1/${entity}/${kind}`);
        expect(filter !== undefined).toBe(['up', 'down', 'state'].includes(kind));
      }),
    );
  });

  it('never throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        parseTopic(text);
        parseFilter(text);
      }),
    );
  });
});

describe('channels', () => {
  it('are one level of printable characters', () => {
    expect(isChannel('temperature.c-1_x')).toBe(true);
    for (const text of ['', 'a/b', '+', '#', 'a b', 'ä', '\n', 'c'.repeat(33)]) expect(isChannel(text)).toBe(false);
  });
});

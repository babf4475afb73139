import { entityId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import { readAnnouncement, readIntroduction, writeAnnouncement, writeIntroduction } from '../../../src/pan/lan/announcement.js';

const fields = (record: Record<string, string>) => new Map(Object.entries(record));

describe('the announcement', () => {
  it.each([0, 1, 2, 3] as const)('says mode %i and the pairing window, and can be read back', (mode) => {
    for (const pairing of [true, false]) {
      expect(readAnnouncement(fields(writeAnnouncement({ mode, pairing })))).toEqual({ mode, pairing });
      expect(readIntroduction(writeIntroduction(entityId('phone'), { mode, pairing }))).toEqual({ id: 'phone', mode, pairing });
    }
  });

  it.each([
    {},
    { v: '2', mode: '1' },
    { mode: '1' },
    { v: '1' },
    { v: '1', mode: '4' },
    { v: '1', mode: '-1' },
    { v: '1', mode: '01' },
    { v: '1', mode: '' },
  ])('is nothing when it reads %j', (record) => {
    expect(readAnnouncement(fields(record as Record<string, string>))).toBeUndefined();
  });

  it.each([
    '',
    '{',
    'null',
    '7',
    '[]',
    '{"v":"1","mode":"1"}',
    '{"id":"UPPER","v":"1","mode":"1"}',
    '{"id":7,"v":"1","mode":"1"}',
    '{"id":"phone","v":1,"mode":1}',
  ])('is nothing when a device answers %j', (text) => {
    expect(readIntroduction(text)).toBeUndefined();
  });
});

import { entityId } from '@cpns/shared';
import { expect, test } from 'vitest';
import { Ledger } from '../../soak/ledger.js';

const [LAPTOP, PHONE] = [entityId('laptop'), entityId('phone')];

test('a message that arrives once where it was sent is neither lost nor a duplicate', () => {
  const ledger = new Ledger();
  const { payload } = ledger.write(PHONE, 'server', 0);
  expect(ledger.missing).toBe(1);
  ledger.arrive('server', payload);
  expect(ledger).toMatchObject({ sent: 1, missing: 0, duplicated: 0, astray: 0 });
});

test('what does not arrive is missing, and is told with its parties and its age', () => {
  const ledger = new Ledger();
  ledger.write(PHONE, 'server', 1_000);
  expect(ledger.missing).toBe(1);
  expect(ledger.oldest(5, 13_000)).toEqual(['1 (phone to server, 12 s)']);
});

test('a second arrival is a duplicate', () => {
  const ledger = new Ledger();
  const { payload } = ledger.write('server', PHONE, 0);
  for (let i = 0; i < 3; i++) ledger.arrive(PHONE, payload);
  expect(ledger.duplicated).toBe(2);
});

test('an arrival elsewhere, or of what was never sent, is astray', () => {
  const ledger = new Ledger();
  const { payload } = ledger.write('server', PHONE, 0);
  ledger.arrive(LAPTOP, payload);
  ledger.arrive(PHONE, new TextEncoder().encode('soak 99'));
  ledger.arrive(PHONE, new TextEncoder().encode('hello'));
  expect(ledger).toMatchObject({ missing: 1, astray: 3 });
});

test('a refused message does not count', () => {
  const ledger = new Ledger();
  ledger.withdraw(ledger.write(PHONE, 'server', 0).number);
  expect(ledger).toMatchObject({ sent: 0, missing: 0 });
});

test('knows whether something of a device is on its way', () => {
  const ledger = new Ledger();
  const { payload } = ledger.write('server', PHONE, 0);
  expect([ledger.concerns([PHONE, LAPTOP]), ledger.concerns([LAPTOP])]).toEqual([true, false]);
  ledger.arrive(PHONE, payload);
  expect(ledger.concerns([PHONE])).toBe(false);
});

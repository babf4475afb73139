import { expect, it } from 'vitest';
import { type Adapter, chooseAdapters } from '../../../../src/pan/ble/radio/adapters.js';

const adapter = (index: number, powered = true): Adapter => ({ index, address: `c0:ff:ee:00:00:0${index}`, powered });
const [first, second, off] = [adapter(0), adapter(1), adapter(2, false)] as const;
const chosen = (adapters: readonly Adapter[], ...wanted: string[]) => chooseAdapters(adapters, wanted);

it('takes the adapter with the address, whatever its index', () => {
  expect(chosen([first, second], second.address)).toEqual([second]);
  expect(chosen([{ ...second, index: 7 }], second.address)).toEqual([{ ...second, index: 7 }]);
});

it('takes the first that is on where any will do', () => {
  expect(chosen([off, second, first], '')).toEqual([second]);
});

it('takes two, and never one twice', () => {
  expect(chosen([first, second], '', first.address)).toEqual([second, first]);
  expect(chosen([first, second], second.address, '')).toEqual([second, first]);
  expect(chosen([first], '', first.address)).toContain('no Bluetooth adapter');
});

it('says what is missing and how to cure it', () => {
  expect(chosen([], '')).toContain('plug one in');
  expect(chosen([first], second.address)).toContain(`${second.address} is not there`);
  expect(chosen([off], '')).toContain('sudo rfkill unblock bluetooth; sudo hciconfig hci2 up');
});

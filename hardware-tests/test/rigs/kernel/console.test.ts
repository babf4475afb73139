import { describe, expect, it } from 'vitest';
import { kernelTrouble } from '../../../rigs/kernel/console.js';

describe('the console of the guest', () => {
  it('tells when the kernel found itself broken, without the time', () => {
    const console = [
      'cpns: guest is up after 4.8 s',
      '[   51.99] list_del corruption, prev is wrong',
      '[   52.01] kernel BUG at lib/list_debug.c:56!',
    ];
    expect(kernelTrouble(console)).toBe('kernel BUG at lib/list_debug.c:56!');
  });

  it('takes nothing else for that', () => {
    const console = [
      '[    0.028000] ..MP-BIOS bug: 8254 timer not connected to IO-APIC',
      '[ 9.1] Bluetooth: hci0: Opcode 0x0c03 failed: -110',
    ];
    expect(kernelTrouble(console)).toBeUndefined();
  });
});

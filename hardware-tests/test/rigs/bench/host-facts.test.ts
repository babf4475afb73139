import { describe, expect, it } from 'vitest';
import { adaptersOf, type HostAnswer, marksOf, marksText } from '../../../rigs/bench/host-facts.js';

const HCICONFIG = `hci1:	Type: Primary  Bus: USB
	BD Address: 00:1A:7D:DA:71:13  ACL MTU: 310:10  SCO MTU: 64:8
	DOWN 
	Manufacturer: Cambridge Silicon Radio (10)

hci0:	Type: Primary  Bus: UART
	BD Address: B8:27:EB:12:34:56  ACL MTU: 1021:8  SCO MTU: 64:1
	UP RUNNING 
	Name: 'raspberrypi'
	HCI Version: 5.0 (0x9)  Revision: 0x17e
	LMP Version: 5.0 (0x9)  Subversion: 0x6119
	Manufacturer: Cypress Semiconductor (305)
`;

const ANSWER: HostAnswer = {
  hostName: 'raspberrypi',
  kernel: '6.6.31+rpt-rpi-v8',
  architecture: 'arm64',
  node: 'v20.19.2',
  cpns: '0.1.0',
  noble: '1.9.2-26',
  bleno: undefined,
  interfaces: ['wlan0'],
  adapters: [
    { device: 'hci0', address: '' },
    { device: 'hci1', address: '' },
  ],
  hciconfig: HCICONFIG,
};

describe('what a host says of its adapters', () => {
  it('is found adapter by adapter, also for one that is down', () => {
    expect(adaptersOf(ANSWER)).toEqual([
      { device: 'hci0', address: 'b8:27:eb:12:34:56', hciVersion: '5.0', manufacturer: 'Cypress Semiconductor (305)' },
      { device: 'hci1', address: '00:1a:7d:da:71:13', hciVersion: undefined, manufacturer: 'Cambridge Silicon Radio (10)' },
    ]);
  });

  it('is the address of the kernel, or nothing, where hciconfig is not installed', () => {
    const unknown = { hciVersion: undefined, manufacturer: undefined };
    expect(adaptersOf({ adapters: [{ device: 'hci0', address: 'B8:27:EB:12:34:56' }], hciconfig: '' })).toEqual([
      { device: 'hci0', address: 'b8:27:eb:12:34:56', ...unknown },
    ]);
    expect(adaptersOf({ adapters: [{ device: 'hci0', address: '' }], hciconfig: '' })).toEqual([
      { device: 'hci0', address: undefined, ...unknown },
    ]);
  });
});

describe('the marks of a device', () => {
  it('are one line, with the adapter only where it was used', () => {
    const [adapter] = adaptersOf(ANSWER);
    expect(marksText(marksOf('left', ANSWER, adapter))).toBe(
      'left: raspberrypi; Linux 6.6.31+rpt-rpi-v8 arm64; Node.js v20.19.2; cpns 0.1.0, noble 1.9.2-26, bleno not installed; ' +
        'hci0 b8:27:eb:12:34:56, HCI 5.0, Cypress Semiconductor (305)',
    );
    expect(marksText(marksOf('left', ANSWER))).not.toContain('hci0');
  });

  it('say what is not known', () => {
    const [adapter] = adaptersOf({ adapters: [{ device: 'hci0', address: '' }], hciconfig: '' });
    expect(marksText(marksOf('left', ANSWER, adapter))).toContain('hci0 address unknown, HCI version unknown, manufacturer unknown');
  });
});

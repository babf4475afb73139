import { VirtualClock } from '@cpns/shared/testing';
import { Air } from '../../../rigs/air/controller/air.js';
import { CHANNEL, LE_EVENT } from '../../../rigs/air/controller/hci.js';
import type { ControllerOptions } from '../../../rigs/air/controller/virtual-controller.js';
import { type Parameters, TestHost } from './test-host.js';

export const ADDRESS = (number: number) => `c0:00:00:00:00:${number.toString(16).padStart(2, '0')}`;

/** An air with virtual time and hosts on its controllers. */
export class TestRoom {
  readonly clock = new VirtualClock();
  readonly air: Air;

  constructor(air?: (clock: VirtualClock) => Air) {
    this.air = air?.(this.clock) ?? new Air(this.clock);
  }

  host(number: number, options: Partial<ControllerOptions> = {}): TestHost {
    return new TestHost(this.air.plug({ address: ADDRESS(number), ...options }));
  }

  /** Connects them and gives the handle. */
  async connect(central: TestHost, peripheral: TestHost, parameters: Parameters = {}): Promise<number> {
    peripheral.advertise();
    central.connect(peripheral.controller.address, parameters);
    await this.clock.advance(100);
    const [complete] = central.leEvents(LE_EVENT.connectionComplete);
    if (complete === undefined) throw new Error('The central was not told of a connection.');
    return (complete[1] ?? 0) | ((complete[2] ?? 0) << 8);
  }
}

/** Sends an ATT packet of `octets`. */
export function att(from: TestHost, handle: number, ...octets: readonly number[]): void {
  from.write(handle, CHANNEL.att, octets);
}

/** ATT packets that a host has received, each whole in one ACL packet. */
export function attHeard(host: TestHost): number[][] {
  return host.acl().map((packet) => [...packet.subarray(9)]);
}

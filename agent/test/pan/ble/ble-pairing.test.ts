import { type EntityId, entityId, serverId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, MemoryStore, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../../../src/config/settings.js';
import { rootOf } from '../../../src/enrolment.js';
import { Device } from '../../../src/entity/device.js';
import { DeviceState, type EnrolmentRecord } from '../../../src/entity/device-state.js';
import { HintKeys } from '../../../src/entity/hint-keys.js';
import type { PairingReport, PersonsAnswer } from '../../../src/entity/pairing/pairing-request.js';
import type { Uplink } from '../../../src/entity/uplink-port.js';
import { BleTechnology } from '../../../src/pan/ble/ble-technology.js';
import { addressOf } from './ble-lab.js';
import { FakeAir, type FakeRadio } from './fake-radio.js';

const clock = new VirtualClock();
const air = new FakeAir(clock);
const never = new AbortController().signal;
let devices = 0;

/** There is no server. */
const NO_UPLINK: Uplink = {
  start: () => {},
  publish: () => new Promise(() => {}),
  probe: async () => ({ reachable: false, reason: 'there is none', atMonotonicMs: 0 }),
  stop: async () => {},
};

class TestDevice {
  readonly id: EntityId;
  readonly radio: FakeRadio;
  readonly state = new DeviceState(new MemoryStore());
  readonly reports: PairingReport[] = [];
  device: Device;

  constructor(name: string) {
    this.id = entityId(name);
    this.radio = air.radio(addressOf(++devices));
    this.device = this.#make();
  }

  #make(): Device {
    const entropy = new InsecureSeededEntropy(`${this.id} ${clock.monotonicMs()}`);
    const logger = new MemoryLogger();
    const enrolment: EnrolmentRecord = {
      entityId: this.id,
      prk: new Uint8Array(32).fill(devices),
      serverId: serverId('cpns.test'),
      serverAddress: '',
      subscription: { subscriptionId: 'sub', userId: userId('anna'), services: [PN_GW_SERVICE], chargeable: false },
    };
    const keys = new HintKeys(nobleProvider, this.state, this.id);
    const ble = new BleTechnology({ id: this.id, clock, entropy, provider: nobleProvider, logger, radio: this.radio, keys });
    return new Device({
      identity: { id: this.id, root: rootOf(enrolment), idServer: enrolment.serverId, subscription: enrolment.subscription },
      provider: nobleProvider,
      clock,
      entropy,
      logger,
      state: this.state,
      settings: { ...defaultSettings(), consent: 'same-user' },
      facts: {
        mains: true,
        batteryPercent: 100,
        cores: 1,
        memoryMiB: 512,
        networks: [],
        ui: false,
        zone: false,
        canRoute: true,
        preference: 0,
      },
      technologies: [ble],
      uplink: NO_UPLINK,
      bootCounter: 1,
      happened: () => {},
      received: () => {},
    });
  }

  /** Opens the window; the person answers every code with `answer`. */
  pair(answer: PersonsAnswer = { type: 'yes' }) {
    return this.device.pairing.pair(
      { type: 'code' },
      undefined,
      (report) => {
        this.reports.push(report);
        if (report.type === 'code') this.device.pairing.answer(report.attempt, answer);
      },
      never,
    );
  }

  async restart(): Promise<void> {
    await clock.run(this.device.stop());
    this.device = this.#make();
    await clock.run(this.device.start());
  }
}

async function two(): Promise<[TestDevice, TestDevice]> {
  const pair: [TestDevice, TestDevice] = [new TestDevice(`dev-a${devices}`), new TestDevice(`dev-b${devices}`)];
  for (const { device } of pair) await clock.run(device.start());
  return pair;
}

const linked = (a: TestDevice, b: TestDevice) => [a.device.linkTo(b.id)?.technology, b.device.linkTo(a.id)?.technology];

describe('two devices that have only Bluetooth', () => {
  it('find each other in their pairing windows, show the same code, and are paired and linked', async () => {
    const [a, b] = await two();
    const [first, second] = await clock.run(Promise.all([a.pair(), b.pair()]));
    expect([first.peer, second.peer]).toEqual([b.id, a.id]);
    expect(first.code).toMatch(/^\d{6}$/);
    expect(second.code).toBe(first.code);
    expect([first.technology, first.method]).toEqual(['ble', 'code']);
    await clock.advance(1_000);
    expect(linked(a, b)).toEqual(['ble', 'ble']);
  });

  it('are not paired when a person says no, and nothing of the other one is kept', async () => {
    const [a, b] = await two();
    const outcomes = await clock.run(Promise.allSettled([a.pair(), b.pair({ type: 'no' })]));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await clock.advance(60_000);
    expect([a.state.pairings().size, b.state.pairings().size]).toEqual([0, 0]);
    expect([a.radio.desire?.advertisement, a.radio.desire?.scan]).toEqual([undefined, false]);
    expect(linked(a, b)).toEqual([undefined, undefined]);
  });

  it('link again by themselves after a lost connection, a restart of either, and a new hint', async () => {
    const [a, b] = await two();
    await clock.run(Promise.all([a.pair(), b.pair()]));
    await clock.advance(2_000);
    a.radio.away = true;
    a.radio.sever('out of range');
    b.radio.sever('out of range');
    await clock.advance(120_000);
    expect(linked(a, b)).toEqual([undefined, undefined]);
    a.radio.away = false;
    await clock.advance(60_000);
    expect(linked(a, b)).toEqual(['ble', 'ble']);
    for (const restarted of [a, b]) {
      await restarted.restart();
      await clock.advance(60_000);
      expect(linked(a, b)).toEqual(['ble', 'ble']);
    }
  });

  it('do not meet again once they are unpaired: no hint of one tells the other anything', async () => {
    const [a, b] = await two();
    await clock.run(Promise.all([a.pair(), b.pair()]));
    await clock.advance(5_000);
    await clock.run(a.device.unpair(b.id));
    await clock.advance(10_000);
    expect([a.state.pairings().size, b.state.pairings().size]).toEqual([0, 0]);
    await clock.advance(60_000);
    expect([a, b].map(({ radio }) => [radio.desire?.advertisement, radio.desire?.scan])).toEqual([
      [undefined, false],
      [undefined, false],
    ]);
  });
});

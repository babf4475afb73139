import { CpnsError, SegmentStream } from '@cpns/shared';
import { bleScanResponse, encodeBleServiceData } from '@cpns/shared/messages';
import { utf8 } from '@cpns/shared/security';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { ATTEMPT_LIMITS, BleRadio } from '../../../../src/pan/ble/radio/ble-radio.js';
import type { GattHandler } from '../../../../src/pan/ble/radio/driver.js';
import { FLOW_WINDOW } from '../../../../src/pan/ble/radio/flow-count.js';
import type { FromRadio, ToRadio } from '../../../../src/pan/ble/radio/messages.js';
import { FINISH_TIMES, STRANGER_LIMITS } from '../../../../src/pan/ble/radio/segment-link.js';
import { FakeGatt, FakeStack } from './fake-stack.js';

const PEER = 'c0:ff:ee:00:00:02';
const advertisement = { mode: 0, pairingOpen: false, hint: new Uint8Array(6).fill(7) } as const;
const serviceData = encodeBleServiceData(advertisement);

let clock: VirtualClock;
let stack: FakeStack;
let radio: BleRadio;
let said: FromRadio[];
let failures: CpnsError[];
/** Ends of the peers of connections that this side made. */
let peers: Peer[];

const of = <T extends FromRadio['type']>(type: T) =>
  said.filter((message): message is Extract<FromRadio, { type: T }> => message.type === type);
const want = (desire: Partial<Extract<ToRadio, { type: 'want' }>['desire']>) =>
  radio.obey({ type: 'want', desire: { advertisement: undefined, readableId: '', scan: false, role: 'either', ...desire } });
const beHeard = () => stack.centralEvents?.heard(PEER, serviceData, -60);

/** A device at the other end of a GATT connection that speaks segments. */
class Peer {
  readonly frames: Uint8Array[] = [];
  readonly gatt = new FakeGatt('c0:ff:ee:00:00:01');
  readonly stream: SegmentStream;

  constructor(other: FakeGatt, initiates: boolean) {
    this.gatt.peer = other;
    other.peer = this.gatt;
    const handler = { frame: (octets: Uint8Array) => void this.frames.push(octets), failed: () => this.gatt.close() };
    const chooser = initiates ? new InsecureSeededEntropy('peer') : undefined;
    this.gatt.handler = { data: (octets) => this.stream.receive(octets), closed: () => this.stream.close() };
    this.stream = new SegmentStream(this.gatt, handler, clock, chooser);
  }
}

/** The stack connects to a peer that answers. */
async function connects(_address: string, handler: GattHandler): Promise<FakeGatt> {
  const gatt = new FakeGatt(PEER);
  gatt.handler = handler;
  peers.push(new Peer(gatt, false));
  return gatt;
}

/** Everything that can happen without time happens. */
const settle = () => clock.advance(0);

beforeEach(async () => {
  clock = new VirtualClock();
  stack = new FakeStack();
  said = [];
  failures = [];
  peers = [];
  radio = new BleRadio({
    central: stack.central,
    peripheral: stack.peripheral,
    adapters: 'one',
    clock,
    entropy: new InsecureSeededEntropy('radio'),
    say: (message) => void said.push(message),
    failed: (error) => void failures.push(error),
  });
  await radio.start();
});

it('advertises what it is told, and lets its name be read', async () => {
  want({ advertisement, readableId: 'sensor-1', role: 'peripheral' });
  await settle();
  expect(stack.advertised?.scanResponse).toEqual(bleScanResponse());
  expect(stack.advertised?.data.slice(-serviceData.length)).toEqual(serviceData);
  expect(stack.entityId).toEqual(utf8('sensor-1'));
});

describe('who is near', () => {
  it('is told once a second, and at once when something changed', async () => {
    want({ scan: true });
    for (let i = 0; i < 30; i++) {
      beHeard();
      await clock.advance(100);
    }
    expect(of('advertised').length).toBe(3);
    stack.centralEvents?.heard(PEER, encodeBleServiceData({ ...advertisement, pairingOpen: true }), -60);
    expect(of('advertised').at(-1)?.advertisement.pairingOpen).toBe(true);
  });

  it('is no news when it is none of us, or one of a flood', () => {
    stack.centralEvents?.heard(PEER, Uint8Array.of(0xff), -60);
    expect(said).toEqual([]);
    for (let i = 0; i < 5_000; i++) {
      stack.centralEvents?.heard(
        `00:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
        serviceData,
        -60,
      );
    }
    expect(said.length).toBeLessThan(300);
  });
});

describe('connecting', () => {
  const connect = async () => {
    radio.obey({ type: 'connect', attempt: 5, address: PEER });
    await settle();
    beHeard();
    await settle();
  };

  it('waits until the peer is heard, greets, and carries frames both ways', async () => {
    stack.connect = connects;
    radio.obey({ type: 'connect', attempt: 5, address: PEER });
    await clock.advance(1_000);
    expect([stack.scanning, peers.length]).toEqual([true, 0]);
    beHeard();
    await settle();
    expect(stack.scanning).toBe(false);
    expect(of('connected')).toEqual([{ type: 'connected', attempt: 5, link: 1 }]);
    radio.obey({ type: 'frame', link: 1, octets: new Uint8Array(1_000).fill(1) });
    peers[0]?.stream.send(new Uint8Array(2_000).fill(2));
    await settle();
    expect(peers[0]?.frames).toEqual([new Uint8Array(1_000).fill(1)]);
    expect(of('frame').map(({ octets }) => octets)).toEqual([new Uint8Array(2_000).fill(2)]);
    expect(of('heard').length).toBe(1);
    radio.obey({ type: 'close', link: 1 });
    await clock.advance(FINISH_TIMES.lookMs);
    expect(of('closed')).toEqual([{ type: 'closed', link: 1, reason: 'this device closed the connection' }]);
  });

  it('closes when everything that was sent has left, and delivers nothing meanwhile', async () => {
    stack.connect = connects;
    await connect();
    const [frame, gatt] = [new Uint8Array(16_000), peers[0]?.gatt.peer as FakeGatt];
    gatt.isIdle = false;
    for (let i = 0; i < 4; i++) radio.obey({ type: 'frame', link: 1, octets: frame });
    radio.obey({ type: 'close', link: 1 });
    radio.obey({ type: 'frame', link: 1, octets: frame });
    await settle();
    peers[0]?.stream.send(frame);
    await clock.advance(5 * FINISH_TIMES.lookMs);
    expect([peers[0]?.frames.length, of('frame').length, gatt.closing]).toEqual([4, 0, false]);
    gatt.isIdle = true;
    await clock.advance(FINISH_TIMES.lookMs);
    expect([gatt.closing, of('closed').length]).toEqual([true, 1]);
  });

  it('closes in the end, also when the peer takes nothing', async () => {
    stack.connect = connects;
    await connect();
    const gatt = peers[0]?.gatt.peer as FakeGatt;
    gatt.peer = undefined;
    for (let i = 0; i < 4; i++) radio.obey({ type: 'frame', link: 1, octets: new Uint8Array(16_000) });
    radio.obey({ type: 'close', link: 1 });
    await clock.advance(FINISH_TIMES.mostMs - 1);
    expect(gatt.closing).toBe(false);
    await clock.advance(FINISH_TIMES.lookMs);
    expect([gatt.closing, clock.pending]).toEqual([true, 0]);
  });

  it('is tried three times, with the last reason told', async () => {
    let tries = 0;
    stack.connect = async () => {
      throw new CpnsError('Transport', 'NotConnected', `The other device was not reached, time ${++tries}.`);
    };
    radio.obey({ type: 'connect', attempt: 5, address: PEER });
    for (let i = 0; i < 100 && of('failed').length === 0; i++) {
      beHeard();
      await clock.advance(200);
    }
    const sentence = 'The other device was not reached, time 3.';
    expect(of('failed')).toEqual([{ type: 'failed', attempt: 5, family: 'Transport', code: 'NotConnected', sentence }]);
    expect(tries).toBe(ATTEMPT_LIMITS.tries);
  });

  it('is tried again when the peer says nothing, or is lost at once', async () => {
    stack.connect = async (address, handler) => {
      const gatt = await connects(address, handler);
      const [silent, lost] = [peers.length === 1, peers.length === 2];
      if (silent) gatt.peer = undefined;
      if (lost) queueMicrotask(() => gatt.end('the other device is out of reach'));
      return gatt;
    };
    radio.obey({ type: 'connect', attempt: 5, address: PEER });
    for (let i = 0; i < 100 && of('connected').length === 0; i++) {
      beHeard();
      await clock.advance(200);
    }
    expect(peers.length).toBe(3);
    expect(of('connected').length).toBe(1);
    expect(of('closed')).toEqual([]);
  });

  it('is given up when nobody hears the peer', async () => {
    radio.obey({ type: 'connect', attempt: 5, address: PEER });
    await clock.advance(ATTEMPT_LIMITS.heardMs);
    expect(of('failed')).toMatchObject([{ attempt: 5, family: 'Timeout' }]);
    expect(stack.scanning).toBe(false);
  });

  it('is given up when the agent says so, at any moment', async () => {
    radio.obey({ type: 'connect', attempt: 5, address: PEER });
    radio.obey({ type: 'cancel', attempt: 5 });
    await settle();
    expect(of('failed')).toMatchObject([{ attempt: 5, code: 'Aborted' }]);
    let aborted = false;
    stack.connect = (_, __, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(signal.reason);
        });
      });
    radio.obey({ type: 'connect', attempt: 6, address: PEER });
    await settle();
    beHeard();
    await settle();
    radio.obey({ type: 'cancel', attempt: 6 });
    await settle();
    expect([aborted, of('failed').length]).toEqual([true, 2]);
  });

  it('reads a name without keeping a link', async () => {
    stack.readName = async () => utf8('sensor-2');
    radio.obey({ type: 'read', attempt: 9, address: PEER });
    await settle();
    beHeard();
    await settle();
    expect(of('entityId')).toEqual([{ type: 'entityId', attempt: 9, text: 'sensor-2' }]);
    want({ advertisement, role: 'peripheral' });
    await settle();
    expect(stack.advertised).toBeDefined();
  });

  it('refuses to make more connections at a time than a stated number', () => {
    for (let attempt = 1; attempt <= ATTEMPT_LIMITS.waiting + 1; attempt++) radio.obey({ type: 'connect', attempt, address: PEER });
    expect(of('failed')).toMatchObject([{ attempt: ATTEMPT_LIMITS.waiting + 1, code: 'TooManyAttempts' }]);
  });

  it('does not keep the peer waiting once the agent takes frames in again', async () => {
    stack.connect = connects;
    await connect();
    const frame = new Uint8Array(16_000);
    for (let i = 0; i < 16; i++) peers[0]?.stream.send(frame);
    await settle();
    const taken = of('frame').length;
    expect(taken).toBe(Math.ceil(FLOW_WINDOW / frame.length));
    // Longer than there may be between two segments: whoever is kept waiting is not late.
    await clock.advance(30_000);
    radio.obey({ type: 'taken', link: 1, weight: taken * frame.length });
    await settle();
    expect(of('frame').length).toBe(16);
  });

  it('tells how much of what the agent gave has been sent', async () => {
    stack.connect = connects;
    await connect();
    const frame = new Uint8Array(16_000);
    for (let i = 0; i < 8; i++) radio.obey({ type: 'frame', link: 1, octets: frame });
    await settle();
    const sent = of('sent').reduce((sum, { weight }) => sum + weight, 0);
    expect(sent).toBe(8 * frame.length);
  });
});

describe('being connected to', () => {
  beforeEach(async () => {
    want({ advertisement, role: 'peripheral' });
    await settle();
  });

  it('is told when the central has greeted, and ends when it leaves', async () => {
    const gatt = stack.accept(PEER);
    await settle();
    expect(said).toEqual([]);
    const peer = new Peer(gatt, true);
    await settle();
    expect(of('accepted')).toEqual([{ type: 'accepted', link: 1, address: PEER }]);
    radio.obey({ type: 'proven', link: 1 });
    await clock.advance(60_000);
    expect(gatt.closing).toBe(false);
    peer.gatt.close();
    await settle();
    expect(of('closed')).toMatchObject([{ link: 1 }]);
    expect(stack.advertised).toBeDefined();
  });

  it('throws out a central that says nothing, or does not prove itself in time', async () => {
    const silent = stack.accept(PEER);
    await clock.advance(STRANGER_LIMITS.proofMs);
    expect(silent.closing).toBe(true);
    expect(of('accepted')).toEqual([]);
    const stranger = stack.accept(PEER);
    new Peer(stranger, true);
    await clock.advance(STRANGER_LIMITS.proofMs - 1);
    expect([of('accepted').length, stranger.closing]).toEqual([1, false]);
    await clock.advance(1);
    expect(stranger.closing).toBe(true);
    expect(of('closed')).toMatchObject([{ link: 2, reason: 'it did not prove who it is' }]);
  });

  it('throws out a central that writes garbage', async () => {
    const gatt = stack.accept(PEER);
    const garbage = Uint8Array.of(0x10, 0x00, 0xff);
    for (let i = 0; i < STRANGER_LIMITS.garbage; i++) gatt.handler?.data(garbage);
    expect(gatt.closing).toBe(false);
    gatt.handler?.data(garbage);
    expect(gatt.closing).toBe(true);
  });

  it('serves nobody for a while after two of them, and connects to others meanwhile', async () => {
    want({ advertisement, role: 'either', scan: true });
    await clock.advance(3_000);
    for (let i = 0; i < 2; i++) {
      stack.accept(PEER);
      await clock.advance(STRANGER_LIMITS.proofMs);
      if (i === 0) for (let waited = 0; stack.advertised === undefined && waited < 20; waited++) await clock.advance(200);
    }
    let advertised = 0;
    for (let i = 0; i < 40; i++) {
      await clock.advance(200);
      advertised += stack.advertised === undefined ? 0 : 1;
    }
    expect([advertised, stack.scanning]).toEqual([0, true]);
    let again = false;
    for (let i = 0; i < 40 && !again; i++) {
      await clock.advance(200);
      again = stack.advertised !== undefined;
    }
    expect(again).toBe(true);
  });
});

it('tells that every link is lost, once, when the stack fails', async () => {
  stack.connect = connects;
  radio.obey({ type: 'connect', attempt: 5, address: PEER });
  await settle();
  beHeard();
  await settle();
  radio.obey({ type: 'connect', attempt: 6, address: 'c0:ff:ee:00:00:03' });
  const lost = new CpnsError('Transport', 'AdapterLost', 'The adapter was taken out.');
  stack.centralEvents?.failed(lost);
  stack.peripheralEvents?.failed(lost);
  await settle();
  expect(failures).toEqual([lost]);
  expect(of('closed')).toEqual([{ type: 'closed', link: 1, reason: 'the adapter was lost' }]);
  expect(of('failed')).toMatchObject([{ attempt: 6, code: 'RadioLost' }]);
  expect(clock.pending).toBe(0);
});

it('gives up on a stack that refuses for ever', async () => {
  stack.refuses = true;
  want({ advertisement, scan: true });
  await clock.advance(30_000);
  expect(failures.map(({ code }) => code)).toEqual(['RadioStuck']);
});

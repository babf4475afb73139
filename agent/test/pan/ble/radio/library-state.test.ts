import { EventEmitter } from 'node:events';
import type { CpnsError } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { beforeEach, expect, it } from 'vitest';
import { adapterReady } from '../../../../src/pan/ble/radio/library-state.js';

let clock: VirtualClock;
let library: EventEmitter;
let lost: CpnsError[];

beforeEach(() => {
  clock = new VirtualClock();
  library = new EventEmitter();
  lost = [];
});

const ready = () => adapterReady(library, clock, (error) => void lost.push(error));
const becomes = (state: string) => library.emit('stateChange', state);

it('waits until the adapter is on, and tells when it is no longer', async () => {
  const waiting = ready();
  becomes('poweredOff');
  becomes('poweredOn');
  await waiting;
  expect(lost).toEqual([]);
  becomes('poweredOff');
  expect(lost.map(({ code }) => code)).toEqual(['AdapterLost']);
});

it('says how a permission is given', async () => {
  const waiting = ready();
  becomes('unauthorized');
  await expect(waiting).rejects.toMatchObject({
    family: 'Config',
    code: 'RadioForbidden',
    message: expect.stringMatching(/AmbientCapabilities=CAP_NET_RAW .*sudo setcap cap_net_raw\+ep \/.*node/),
  });
});

it('says that an adapter is too old', async () => {
  const waiting = ready();
  becomes('unsupported');
  await expect(waiting).rejects.toMatchObject({ family: 'Config', code: 'NoLowEnergy' });
});

it('gives up an adapter that never gets ready', async () => {
  await expect(clock.run(ready())).rejects.toMatchObject({ code: 'RadioSilent' });
});

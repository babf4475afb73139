import { EventEmitter } from 'node:events';
import { CpnsError } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { beforeEach, expect, it } from 'vitest';
import { type CallOutcome, libraryCall } from '../../../../src/pan/ble/radio/library-call.js';

let clock: VirtualClock;
let library: EventEmitter;

beforeEach(() => {
  clock = new VirtualClock();
  library = new EventEmitter();
});

const call = (signal?: AbortSignal, begin = () => {}) =>
  libraryCall<string>({ clock, ms: 1_000, late: 'It is silent.', signal }, ({ done }: CallOutcome<string>) => {
    library.once('answer', done);
    begin();
    return () => library.off('answer', done);
  });
const nothingLeft = () => expect([clock.pending, library.listenerCount('answer')]).toEqual([0, 0]);

it('gives the answer', async () => {
  const answer = call();
  library.emit('answer', 'yes');
  expect(await answer).toBe('yes');
  nothingLeft();
});

it('gives an answer that comes within the call', async () => {
  expect(await call(undefined, () => library.emit('answer', 'at once'))).toBe('at once');
  nothingLeft();
});

it('ends when the library is silent, and a late answer settles nothing', async () => {
  await expect(clock.run(call())).rejects.toMatchObject({ code: 'RadioSilent', message: 'It is silent.' });
  nothingLeft();
  library.emit('answer', 'too late');
  const second = call();
  library.emit('answer', 'in time');
  expect(await second).toBe('in time');
});

it('ends when nobody wants it any more, also before it began', async () => {
  const gone = new CpnsError('State', 'Aborted', 'It was given up.');
  const controller = new AbortController();
  const answer = call(controller.signal);
  controller.abort(gone);
  await expect(answer).rejects.toBe(gone);
  let began = false;
  const begin = () => {
    began = true;
  };
  await expect(call(controller.signal, begin)).rejects.toBe(gone);
  expect(began).toBe(false);
  nothingLeft();
});

it('ends when the library throws', async () => {
  const refused = call(undefined, () => {
    throw new Error('not powered on');
  });
  await expect(refused).rejects.toMatchObject({ code: 'RadioRefused' });
  library.emit('answer', 'nobody listens');
  expect(clock.pending).toBe(0);
});

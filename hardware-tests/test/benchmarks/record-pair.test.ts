import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { expect, test } from 'vitest';
import { throughChannel, throughCipher } from '../../benchmarks/record-pair.js';
import { Windows } from '../../benchmarks/windows.js';
import { openBareWire, openLanWire, type Wire } from '../../benchmarks/wires.js';

const clock = new SystemClock();
const never = new AbortController().signal;

test('records of every size get through the channel and through the cipher alone', () => {
  for (const carry of [throughCipher(), throughChannel(clock, false), throughChannel(clock, true)])
    for (const length of [0, 1, 300, 16_384]) for (let i = 0; i < 3; i++) carry(systemEntropy.bytes(length));
});

test('both wires carry as many messages as asked, over several windows, and close', async () => {
  const wires: Wire[] = [await openBareWire(systemEntropy.bytes(1_000)), await openLanWire(clock, systemEntropy.bytes(1_000), never)];
  try {
    for (const wire of wires) for (const count of [1, 32, 100]) await wire.carry(count);
  } finally {
    for (const wire of wires) await wire.close();
  }
});

test('a window waits for all of its messages, and a lost connection ends the wait', async () => {
  let sent = 0;
  const windows = new Windows(() => sent++);
  const all = windows.send(40);
  expect(sent).toBe(32);
  for (let i = 0; i < 31; i++) windows.arrive();
  await Promise.resolve();
  expect(sent).toBe(32);
  windows.arrive();
  await Promise.resolve();
  expect(sent).toBe(40);
  windows.fail(new Error('gone'));
  await expect(all).rejects.toThrow('gone');
});

import { describe, expect, it } from 'vitest';
import { Air } from '../../../rigs/air/controller/air.js';
import { Recorder } from '../../../rigs/air/controller/recorder.js';
import { ADDRESS, att, TestRoom } from './room.js';

const packet = (...octets: number[]) => ({ atMs: 0, link: 1, from: ADDRESS(1), to: ADDRESS(2), octets: Buffer.from(octets) });

describe('the recorder', () => {
  it('keeps and counts what was sent, also what was lost on the way', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    const handle = await room.connect(central, peripheral);
    room.air.faults.drop({}, 1);
    att(central, handle, 1, 2);
    att(peripheral, handle, 3);
    const { recorder } = room.air;
    expect(recorder.counters).toEqual({ attPackets: 2, attOctets: 3, links: 1 });
    expect(recorder.packets.map(({ from, to, link, octets }) => [from, to, link, ...octets])).toEqual([
      [ADDRESS(1), ADDRESS(2), 1, 1, 2],
      [ADDRESS(2), ADDRESS(1), 1, 3],
    ]);
  });

  it('finds eight octets in a row of a longer secret, and not seven', () => {
    const secret = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
    const recorder = new Recorder();
    recorder.add(packet(1, 2, 3));
    recorder.add(packet(9, ...secret.subarray(3, 10), 9));
    expect(recorder.search([secret])).toEqual([]);
    recorder.add(packet(9, ...secret.subarray(5, 13), 9));
    expect(recorder.search([Buffer.from('no'), secret]).map(({ needle, packet: { octets } }) => [needle, octets[0]])).toEqual([[1, 9]]);
  });

  it('finds a short secret whole and an empty one never', () => {
    const recorder = new Recorder();
    recorder.add(packet(1, 2, 3, 4));
    expect(recorder.search([Buffer.from([2, 3]), Buffer.from([3, 2]), Buffer.alloc(0)]).map(({ needle }) => needle)).toEqual([0]);
  });

  it('says when it could not keep all, and counts on', () => {
    const recorder = new Recorder(4);
    recorder.add(packet(1, 2, 3));
    expect(recorder.isComplete).toBe(true);
    recorder.add(packet(4, 5));
    expect([recorder.isComplete, recorder.packets.length, recorder.counters.attOctets]).toEqual([false, 1, 5]);
    recorder.clear();
    expect([recorder.isComplete, recorder.packets.length, recorder.counters.attOctets]).toEqual([true, 0, 5]);
  });

  it('can be given to the air', () => {
    const recorder = new Recorder(1);
    const room = new TestRoom((clock) => new Air(clock, recorder));
    expect(room.air.recorder).toBe(recorder);
  });
});

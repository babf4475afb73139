import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { EmulatedController } from '../../../rigs/btvirt/emulated-controller.js';

const OWN = '4200aa010000';
const PEER = '4200aa010001';
const OTHER = '4200aa010002';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** LE Connection Complete. `role`: 00 central, 01 peripheral. */
const connected = (handle: string, role: string, peer: string) => hex(`04 3e 13 01 00 ${handle} ${role} 00 ${peer} 2800 0000 2a00 00`);
const acl = (handle: string, data: string) => hex(`02 ${handle} ${(data.length / 2).toString(16).padStart(2, '0')}00 ${data}`);

describe('a controller of the emulator', () => {
  let written: string[];
  let heard: string[];
  let socket: EventEmitter & { write(octets: Buffer): void; destroySoon(): void };
  let controller: EmulatedController;
  const says = (octets: Buffer) => socket.emit('data', octets);

  beforeEach(async () => {
    written = [];
    heard = [];
    socket = Object.assign(new EventEmitter(), {
      write: (octets: Buffer) => void written.push(octets.toString('hex')),
      destroySoon: () => void written.push('end'),
    });
    controller = new EmulatedController(socket as unknown as Socket);
    const started = controller.start();
    says(hex(`04 0e 0a 01 0910 00 ${OWN}`));
    expect(await started).toBe('00:00:01:aa:00:42');
    controller.attach({ isReady: true, send: (packet) => void heard.push(packet.toString('hex')) });
    written = [];
  });

  it('sends data with its address in front', () => {
    controller.receive(acl('2a00', '0badcafe'));
    expect(written).toEqual([acl('2a00', `${OWN}0badcafe`).toString('hex')]);
  });

  it('gives data to its host under its own number of the connection with the sender', () => {
    says(connected('2a00', '00', PEER));
    says(connected('2b00', '00', OTHER));
    heard = [];
    // Both peripherals call their connection 42; the flags of the packet stay.
    says(acl('2a20', `${OTHER}01`));
    says(acl('2a20', `${PEER}02`));
    expect(heard).toEqual([acl('2b20', '01').toString('hex'), acl('2a20', '02').toString('hex')]);
  });

  it('counts the connections of a peripheral itself', () => {
    says(connected('2b00', '01', PEER));
    expect(heard).toEqual([connected('2a00', '01', PEER).toString('hex')]);
  });

  it('drops data of a connection that is over', () => {
    says(connected('2a00', '00', PEER));
    says(hex('04 05 04 00 2a00 13'));
    heard = [];
    says(acl('2a20', `${PEER}02`));
    expect(heard).toEqual([]);
  });

  it('scans anew again and again, of which the host hears nothing but the reports', () => {
    vi.useFakeTimers();
    try {
      const [on, off, done] = ['010c20020100', '010c20020000', '040e04010c2000'];
      controller.receive(hex(on));
      says(hex(done));
      vi.advanceTimersByTime(1_000);
      expect(written).toEqual([on, off, on, off, on]);
      for (let n = 0; n < 4; n++) says(hex(done));
      expect(heard).toEqual([done]);
      controller.receive(hex(off));
      says(hex(done));
      vi.advanceTimersByTime(1_000);
      expect(written).toEqual([on, off, on, off, on, off]);
      expect(heard).toEqual([done, done]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends its connections before it is reset, left or pulled out', () => {
    const disconnect = '010604032a0015';
    for (const [act, after] of [
      [() => controller.receive(hex('01 030c 00')), '01030c00'],
      [() => controller.detach(), '01030c00'],
      [() => controller.end(), 'end'],
    ] as const) {
      says(connected('2a00', '00', PEER));
      written = [];
      act();
      expect(written).toEqual([disconnect, after]);
    }
  });
});

import { SegmentStream } from '@cpns/shared';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { Attack } from '../../../rigs/air/controller/attack.js';
import { AttackedController } from '../../../rigs/btvirt/attacked-controller.js';
import { ADDRESS, attHeard, TestRoom } from './room.js';
import { TestHost } from './test-host.js';

const ATT = 4;
const WRITE = { opcode: 0x52, handle: 0x0c };
const NOTIFICATION = { opcode: 0x1b, handle: 0x0e };
const FRAME = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

/** A host that talks in frames, as a radio process does. */
class Talker {
  readonly frames: number[][] = [];
  readonly stream: SegmentStream;
  readonly #host: TestHost;
  #read = 0;

  constructor(room: TestRoom, host: TestHost, handle: number, isCentral: boolean) {
    const own = isCentral ? WRITE : NOTIFICATION;
    const write = (octets: Uint8Array) => host.write(handle, ATT, [own.opcode, own.handle, 0, ...octets]);
    const handler = { frame: (frame: Uint8Array) => void this.frames.push([...frame]), failed: () => {} };
    this.#host = host;
    this.stream = new SegmentStream(
      { payloadOctets: 20, write },
      handler,
      room.clock,
      isCentral ? new InsecureSeededEntropy(7) : undefined,
    );
  }

  /** Takes what has come since. */
  listen(): void {
    const all = attHeard(this.#host);
    for (const packet of all.slice(this.#read)) this.stream.receive(Uint8Array.from(packet.slice(3)));
    this.#read = all.length;
  }
}

type Place = 'in the air' | 'on the wire to its controller';

async function attacked(victim: 'central' | 'peripheral', place: Place = 'in the air') {
  const room = new TestRoom();
  const entropy = new InsecureSeededEntropy(9);
  const number = victim === 'central' ? 1 : 2;
  const address = ADDRESS(number);
  const controller = room.air.plug({ address });
  const tap = new AttackedController(controller, address, room.clock, entropy);
  const isTapped = place !== 'in the air';
  const attack = isTapped ? tap.attack : new Attack(room.clock, entropy, address, () => room.air.cut({ a: address }));
  if (!isTapped) room.air.attack = attack;
  const behind = new TestHost(controller, isTapped ? tap : controller);
  const other = room.host(3 - number);
  const hosts: [TestHost, TestHost] = victim === 'central' ? [behind, other] : [other, behind];
  const link = async () => {
    const handle = await room.connect(...hosts);
    for (const host of hosts) host.heard.length = 0;
    const talkers = [new Talker(room, hosts[0], handle, true), new Talker(room, hosts[1], handle, false)] as const;
    const talk = () => {
      for (let round = 0; round < 10; round++) for (const talker of talkers) talker.listen();
    };
    talk();
    return { central: talkers[0], peripheral: talkers[1], talk };
  };
  return { room, attack, link };
}

describe.each<Place>(['in the air', 'on the wire to its controller'])('somebody on the links of a device, %s,', (place) => {
  it('passes frames on, counts them, and says them again', async () => {
    const { attack, link } = await attacked('peripheral', place);
    const { central, peripheral, talk } = await link();
    central.stream.send(FRAME);
    peripheral.stream.send(FRAME.subarray(1));
    talk();
    expect([peripheral.frames, central.frames]).toEqual([[[...FRAME]], [[...FRAME.subarray(1)]]]);
    expect(attack.seen).toEqual({ out: 1, in: 1, links: 1 });
    expect([attack.replay('out'), attack.replay('in')]).toEqual([1, 1]);
    talk();
    expect([peripheral.frames.length, central.frames.length]).toEqual([2, 2]);
  });

  it.each(['central', 'peripheral'] as const)('flips one bit in each of so many frames of one way (behind him: the %s)', async (victim) => {
    const { attack, link } = await attacked(victim, place);
    const { central, peripheral, talk } = await link();
    const [behind, other] = victim === 'central' ? [central, peripheral] : [peripheral, central];
    attack.tampering.alter.out = 1;
    behind.stream.send(FRAME);
    behind.stream.send(FRAME);
    other.stream.send(FRAME);
    talk();
    const flipped = other.frames[0]?.map((octet, at) => octet ^ (FRAME[at] as number)).filter((octet) => octet !== 0);
    expect(flipped).toHaveLength(1);
    expect(Math.log2(flipped?.[0] ?? 0) % 1).toBe(0);
    expect([other.frames[1], behind.frames[0]]).toEqual([[...FRAME], [...FRAME]]);
  });

  it('plays the device that is behind him on its next link', async () => {
    const { room, attack, link } = await attacked('peripheral', place);
    const first = await link();
    first.peripheral.stream.send(FRAME);
    first.talk();
    const played = attack.impersonate();
    await room.clock.advance(500);
    const { central, peripheral, talk } = await link();
    central.stream.send(FRAME);
    talk();
    expect(central.frames).toEqual([[...FRAME]]);
    expect(peripheral.frames).toEqual([]);
    expect(await room.clock.run(played)).toEqual({ sent: 1, answers: 1 });
    await room.clock.advance(1_000);
    expect([room.air.links, attack.replay('out')]).toEqual([[], 0]);
  });

  it('leaves the links of others alone', async () => {
    const { room, attack } = await attacked('peripheral', place);
    await room.connect(room.host(3), room.host(4));
    expect(attack.seen.links).toBe(0);
  });
});

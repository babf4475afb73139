import type { Announcement, PanEvents, Sighting } from '@cpns/agent';
import { entityId, type Link, type LinkHandler } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { expect, test } from 'vitest';
import { Room } from '../../soak/room.js';

const [LAPTOP, PHONE] = [entityId('laptop'), entityId('phone')];
const never = new AbortController().signal;

/** Everything that is heard in order, and a wait for some of it. */
class Heard {
  readonly lines: string[] = [];
  #waiting: (() => void)[] = [];

  add(line: string): void {
    this.lines.push(line);
    for (const check of [...this.#waiting]) check();
  }

  until(met: (lines: readonly string[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => met(this.lines) && resolve();
      this.#waiting.push(check);
      check();
    });
  }

  events(accepted: (link: Link) => void = () => {}): PanEvents {
    const sighted = ({ id, mode }: Sighting & Announcement) => this.add(`sees ${id} ${mode}`);
    return { sighted, lost: (id) => this.add(`lost ${id}`), accepted, problem: () => {} };
  }

  handler(): LinkHandler {
    return { frame: (octets) => this.add(`frame ${octets.join()}`), closed: (reason) => this.add(`closed: ${reason}`) };
  }
}

/** Two devices and a link from the phone to the laptop. */
async function linked() {
  const room = new Room(new SystemClock());
  const [atLaptop, atPhone] = [new Heard(), new Heard()];
  const accepted = new Promise<Link>((resolve) => void room.technology(LAPTOP).start(atLaptop.events(resolve)));
  const phone = room.technology(PHONE);
  await phone.start(atPhone.events());
  const near = await phone.dial([LAPTOP], never);
  return { room, atLaptop, atPhone, phone, near, far: await accepted };
}

test('devices see each other come, change and go', async () => {
  const { room, atLaptop, atPhone, phone } = await linked();
  await atPhone.until((lines) => lines.includes('sees laptop 0'));
  phone.announce({ mode: 2, pairing: false });
  await atLaptop.until((lines) => lines.includes('sees phone 2'));
  room.vanish(PHONE);
  await atLaptop.until((lines) => lines.includes('lost phone'));
  await expect(phone.dial([PHONE], never)).rejects.toMatchObject({ code: 'NotNear' });
});

test('frames arrive in order, those before open() too, and the end behind all of them', async () => {
  const { near, far, atLaptop } = await linked();
  for (let i = 0; i < 100; i++) near.send(Uint8Array.of(i));
  near.close('enough');
  far.open(atLaptop.handler());
  await atLaptop.until((lines) => lines.some((line) => line.startsWith('closed')));
  const frames = atLaptop.lines.filter((line) => /^(frame|closed)/.test(line));
  expect(frames).toEqual([...Array.from({ length: 100 }, (_, i) => `frame ${i}`), 'closed: the other side closed the connection']);
});

test('a cut is noticed at both ends, and what is on its way is lost', async () => {
  const { room, near, far, atLaptop, atPhone } = await linked();
  near.open(atPhone.handler());
  far.open(atLaptop.handler());
  near.send(Uint8Array.of(1));
  room.cutLinks();
  await Promise.all([atLaptop, atPhone].map((heard) => heard.until((lines) => lines.includes('closed: the connection broke'))));
  expect(atLaptop.lines).not.toContain('frame 1');
});

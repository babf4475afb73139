import { CpnsError, type CryptoProvider, entityId, sleep } from '@cpns/shared';
import { type BleAdvertisement, Mode } from '@cpns/shared/messages';
import { bleHint, HINT_PERIOD_MS, matchesBleHint, nobleProvider } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RadioDesire } from '../../../src/pan/ble/radio-port.js';
import { addressOf, BleLab, type LabDevice } from './ble-lab.js';

const LOST_AFTER_MS = 32_000;
const never = new AbortController().signal;

let lab: BleLab;
let a: LabDevice;
let b: LabDevice;
beforeEach(async () => {
  lab = new BleLab();
  a = await lab.device('dev-a');
  b = await lab.device('dev-b');
});

describe('BleTechnology: who is there', () => {
  it('is silent and deaf while it has nobody to meet', async () => {
    await lab.clock.advance(5_000);
    expect(a.radio.desire).toEqual({ advertisement: undefined, readableId: '', scan: false, role: 'either' });
  });

  it('sights a paired device by its hint, once', async () => {
    lab.pair(a, b);
    await lab.clock.advance(10_000);
    expect(a.sighted).toEqual([{ id: b.id, technology: 'ble', addresses: [b.radio.address], mode: Mode.Unassigned, pairing: false }]);
    expect(b.sees(a.id)?.addresses).toEqual([a.radio.address]);
  });

  it('sights nobody whose key it does not have', async () => {
    const c = await lab.device('dev-c');
    const d = await lab.device('dev-d');
    lab.pair(a, b);
    lab.pair(c, d);
    await lab.clock.advance(10_000);
    expect(a.sighted.map(({ id }) => id)).toEqual([b.id]);
  });

  it('tells when a device changes what it announces', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    b.ble.announce({ mode: Mode.Pne, pairing: false });
    await lab.clock.advance(3_000);
    expect(a.sighted.map(({ mode }) => mode)).toEqual([Mode.Unassigned, Mode.Pne]);
  });

  it('loses a device that is silent for half a minute, and sights it again when it is back', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    b.radio.away = true;
    await lab.clock.advance(25_000);
    expect(a.lost).toEqual([]);
    await lab.clock.advance(LOST_AFTER_MS - 25_000);
    expect(a.lost).toEqual([b.id]);
    b.radio.away = false;
    await lab.clock.advance(2_000);
    expect(a.sees(b.id)).toBeDefined();
  });

  it('resolves a new hint of the same device without losing it', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    const first = b.radio.desire?.advertisement?.hint as Uint8Array;
    await lab.clock.advance(HINT_PERIOD_MS + 3_000);
    const second = b.radio.desire?.advertisement?.hint as Uint8Array;
    expect(second).not.toEqual(first);
    expect(matchesBleHint(nobleProvider, b.kAdv, second)).toBe(true);
    expect(a.lost).toEqual([]);
    expect(a.sighted).toHaveLength(1);
  });

  it('is found by a peer that has only an older of its keys', async () => {
    lab.pair(a, b);
    b.own.unshift(new Uint8Array(16).fill(0xbb), new Uint8Array(16).fill(0xcc));
    b.ble.announce({ mode: Mode.Unassigned, pairing: false });
    await lab.clock.advance(90_000);
    expect(a.sees(b.id)).toBeDefined();
    expect(a.lost).toEqual([]);
    expect(a.sighted).toHaveLength(1);
  });

  it('forgets a device that it is not paired with any more', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    a.peers.clear();
    a.ble.announce({ mode: Mode.Unassigned, pairing: false });
    expect(a.lost).toEqual([b.id]);
  });

  it('keeps a linked device, which does not advertise, and loses it in its time after the link', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    const link = await lab.clock.run(a.ble.dial([b.radio.address], never));
    await lab.clock.advance(5 * LOST_AFTER_MS);
    expect(a.lost).toEqual([]);
    b.radio.away = true;
    link.close('the test ends it');
    await lab.clock.advance(20_000);
    expect(a.lost).toEqual([]);
    await lab.clock.advance(LOST_AFTER_MS - 20_000);
    expect(a.lost).toEqual([b.id]);
  });

  it('says nothing more after its end', async () => {
    lab.pair(a, b);
    await lab.clock.run(a.ble.stop());
    await lab.clock.run(b.ble.stop());
    await lab.clock.advance(60_000);
    expect(a.sighted).toEqual([]);
    expect(lab.clock.pending).toBe(0);
  });
});

describe('BleTechnology: what it wants of the radio', () => {
  it.each([
    [Mode.Unassigned, 'either', true, true],
    [Mode.Pne, 'peripheral', true, false],
    [Mode.PnGw, 'central', false, true],
    [Mode.Both, 'either', true, true],
  ] as const)('in mode %i: %s, advertises %s, listens %s', (mode, role, advertises, scan) => {
    lab.pair(a, b);
    a.ble.announce({ mode, pairing: false });
    expect(a.radio.desire).toMatchObject({ role, scan, readableId: '' });
    expect(a.radio.desire?.advertisement !== undefined).toBe(advertises);
    if (advertises) expect(a.radio.desire?.advertisement).toMatchObject({ mode, pairingOpen: false });
  });

  it.each([Mode.Unassigned, Mode.Pne, Mode.PnGw, Mode.Both])(
    'with an open pairing window calls, is called and says its id, in mode %i',
    (mode) => {
      a.ble.announce({ mode, pairing: true });
      expect(a.radio.desire).toMatchObject({ role: 'either', scan: true, readableId: a.id, advertisement: { mode, pairingOpen: true } });
      a.ble.announce({ mode, pairing: false });
      expect(a.radio.desire?.readableId).toBe('');
    },
  );

  it('does not repeat itself', async () => {
    lab.pair(a, b);
    const before = a.radio.desires.length;
    a.ble.refresh();
    await lab.clock.advance(60_000);
    expect(a.radio.desires).toHaveLength(before);
  });
});

describe('BleTechnology: links', () => {
  it('dials, hands over what is accepted, and says who is proven', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    const link = await lab.clock.run(a.ble.dial([b.radio.address], never));
    await lab.clock.advance(100);
    expect(b.accepted).toHaveLength(1);
    a.ble.proven(link);
    expect(a.radio.trusted).toEqual([link]);
  });

  it('dials the address where the device was heard last, not the one it was sighted at', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    const [old] = a.sees(b.id)?.addresses ?? [];
    b.radio.away = true;
    const moved = lab.air.radio(addressOf(77));
    moved.start({ advertised: () => {}, accepted: () => {}, ended: () => {}, problem: () => {} });
    moved.want({ ...(b.radio.desire as RadioDesire) });
    await lab.clock.advance(2_000);
    await lab.clock.run(a.ble.dial([old as string], never));
    expect(moved.calls.connect).toBe(1);
  });

  it('tries an address at which links come to nothing after the others: whoever repeats a hint cannot keep the device away', async () => {
    lab.pair(a, b);
    const liar = lab.air.radio(addressOf(66));
    liar.start({ advertised: () => {}, accepted: (link) => link.close('a liar'), ended: () => {}, problem: () => {} });
    await lab.clock.advance(1_500);
    liar.want({ ...(b.radio.desire as RadioDesire) });
    await lab.clock.advance(1_000);
    const called: string[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const link = await lab.clock.run(a.ble.dial(a.sees(b.id)?.addresses ?? [], never));
      called.push(link.remote);
      link.close('not proven');
      await lab.clock.advance(1_000);
    }
    expect(called).toContain(b.radio.address);
  });

  it('does not take a connection for a link that is over before it is handed on', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    const { connect } = a.radio;
    a.radio.connect = async (address, signal) => {
      const link = await connect.call(a.radio, address, signal);
      link.close('cut');
      return link;
    };
    await expect(lab.clock.run(a.ble.dial([b.radio.address], never))).rejects.toMatchObject({ code: 'LinkLost' });
    b.radio.away = true;
    await lab.clock.advance(LOST_AFTER_MS);
    expect(a.lost).toEqual([b.id]);
  });

  it('tries an address where nobody answered after the others the next time', async () => {
    lab.pair(a, b);
    await lab.clock.advance(1_500);
    const ghost = lab.air.radio(addressOf(66));
    const advertisement = (b.radio.desire as RadioDesire).advertisement as BleAdvertisement;
    const pretend = () => a.radio.events?.advertised({ address: ghost.address, advertisement, rssi: -40 });
    pretend();
    const tried: string[] = [];
    const { connect } = a.radio;
    a.radio.connect = (address, signal) => {
      tried.push(address);
      return connect.call(a.radio, address, signal);
    };
    const first = await lab.clock.run(a.ble.dial([b.radio.address], never));
    a.ble.proven(first);
    first.close('done');
    await lab.clock.advance(1_000);
    pretend();
    await lab.clock.run(a.ble.dial([b.radio.address], never));
    expect(tried).toEqual([ghost.address, b.radio.address, b.radio.address]);
  });

  it('refuses to dial nowhere', async () => {
    await expect(a.ble.dial([], never)).rejects.toMatchObject({ family: 'Transport', code: 'PeerUnreachable' });
  });

  it('gives up with the reason of the signal', async () => {
    const controller = new AbortController();
    const dialled = a.ble.dial([b.radio.address], controller.signal);
    controller.abort();
    await expect(dialled).rejects.toMatchObject({ code: 'Aborted' });
  });

  it('has no address for pairing links and dials none of another technology', () => {
    expect(a.ble.addresses()).toEqual([]);
    expect([a.ble.canDial(b.radio.address), a.ble.canDial('192.0.2.1:7400')]).toEqual([true, false]);
  });

  it('passes problems on, each once, and tells the operator', () => {
    a.radio.events?.problem('There is no Bluetooth adapter.');
    a.radio.events?.problem('There is no Bluetooth adapter.');
    a.radio.events?.problem(undefined);
    expect(a.problems).toEqual(['There is no Bluetooth adapter.', undefined]);
    expect(a.logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ['notice', 'There is no Bluetooth adapter.'],
      ['notice', 'Bluetooth works again.'],
    ]);
  });
});

describe('BleTechnology: pairing windows', () => {
  const open = { mode: Mode.Unassigned, pairing: true } as const;
  const closed = { mode: Mode.Unassigned, pairing: false } as const;

  it('asks a stranger with an open window who it is, once, while the own window is open', async () => {
    a.ble.announce(open);
    b.ble.announce(open);
    await lab.clock.advance(20_000);
    expect(a.sees(b.id)).toEqual({ id: b.id, technology: 'ble', addresses: [b.radio.address], mode: Mode.Unassigned, pairing: true });
    expect(b.radio.calls.read).toBe(1);
  });

  it('asks nobody while its own window is closed', async () => {
    const c = await lab.device('dev-c');
    lab.pair(a, c);
    b.ble.announce(open);
    await lab.clock.advance(20_000);
    expect(b.radio.calls.read).toBe(0);
    expect(a.sees(b.id)).toBeUndefined();
  });

  it('forgets who it found when the window closes, and keeps who it has paired with', async () => {
    const c = await lab.device('dev-c');
    for (const { ble } of [a, b, c]) ble.announce(open);
    await lab.clock.advance(20_000);
    expect([a.sees(b.id), a.sees(c.id)]).not.toContain(undefined);
    a.peers.set(b.id, [b.kAdv]);
    a.ble.announce(closed);
    expect(a.lost).toEqual([c.id]);
  });

  it('learns of a paired device that its window is open without asking', async () => {
    lab.pair(a, b);
    a.ble.announce(open);
    b.ble.announce(open);
    await lab.clock.advance(5_000);
    expect(a.sees(b.id)?.pairing).toBe(true);
    expect(b.radio.calls.read).toBe(0);
  });

  it('believes the new name of a device that was enrolled anew at the address of a paired one', async () => {
    lab.pair(a, b);
    await lab.clock.advance(3_000);
    await lab.clock.run(b.ble.stop());
    const fresh = lab.air.radio(b.radio.address);
    fresh.start({ advertised: () => {}, accepted: () => {}, ended: () => {}, problem: () => {} });
    fresh.want({
      advertisement: { mode: Mode.Unassigned, pairingOpen: true, hint: new Uint8Array(6).fill(9) },
      readableId: 'dev-new',
      scan: true,
      role: 'either',
    });
    a.ble.announce(open);
    await lab.clock.advance(10_000);
    expect(a.sees(entityId('dev-new'))?.pairing).toBe(true);
    expect(a.sees(b.id)).toBeUndefined();
  });

  it.each(['', 'not an entity id!', '0123456789abcdef'])('takes %j for nobody and asks a bounded number of times', async (said) => {
    a.ble.announce(open);
    const odd = lab.air.radio(addressOf(99));
    odd.start({ advertised: () => {}, accepted: () => {}, ended: () => {}, problem: () => {} });
    const hint = bleHint(nobleProvider, new Uint8Array(16).fill(9), Uint8Array.of(1, 2, 3));
    odd.want({ advertisement: { mode: Mode.Unassigned, pairingOpen: true, hint }, readableId: said, scan: false, role: 'peripheral' });
    await lab.clock.advance(120_000);
    expect(a.sighted).toEqual([]);
    expect(odd.calls.read).toBe(4);
  });

  it('does not sight itself in a device that claims its id', async () => {
    a.ble.announce(open);
    const odd = lab.air.radio(addressOf(99));
    odd.start({ advertised: () => {}, accepted: () => {}, ended: () => {}, problem: () => {} });
    odd.want({
      advertisement: { mode: Mode.Unassigned, pairingOpen: true, hint: new Uint8Array(6) },
      readableId: a.id,
      scan: false,
      role: 'peripheral',
    });
    await lab.clock.advance(10_000);
    expect(odd.calls.read).toBe(1);
    expect(a.sighted).toEqual([]);
  });

  it('gives up a question that is under way when the window closes', async () => {
    a.ble.announce(open);
    b.ble.announce(open);
    await lab.clock.advance(10);
    a.ble.announce(closed);
    await lab.clock.advance(20_000);
    expect(a.sighted).toEqual([]);
  });

  it('does not believe an answer that comes after the window has closed', async () => {
    a.ble.announce(open);
    b.ble.announce(open);
    a.radio.readEntityId = () => sleep(lab.clock, 5_000).then(() => b.id);
    await lab.clock.advance(2_000);
    a.ble.announce(closed);
    await lab.clock.advance(20_000);
    expect(a.sighted).toEqual([]);
  });
});

describe('BleTechnology: floods', () => {
  const hintOf = (n: number) => Uint8Array.of(n >> 16, n >> 8, n, 1, 2, 3);

  it('computes few of many forged hints, and still finds the paired device', async () => {
    let computed = 0;
    const counting: CryptoProvider = {
      ...nobleProvider,
      hmac(key, message) {
        computed++;
        return nobleProvider.hmac(key, message);
      },
    };
    const flooded = await lab.device('dev-f', counting);
    lab.pair(flooded, b);
    b.ble.announce({ mode: Mode.PnGw, pairing: false });
    computed = 0;
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 2_000; n++) {
        flooded.radio.events?.advertised({
          address: addressOf(1_000 + n),
          advertisement: { mode: Mode.Pne, pairingOpen: true, hint: hintOf(second * 2_000 + n) },
          rssi: -40,
        });
      }
      await lab.clock.advance(1_000);
    }
    // Two HMACs for each hint that is computed: 60 at once and 20 a second.
    expect(computed).toBeLessThanOrEqual(2 * (60 + 20 * 10));
    b.ble.announce({ mode: Mode.Pne, pairing: false });
    await lab.clock.advance(3_000);
    expect(flooded.sighted.map(({ id }) => id)).toEqual([b.id]);
  });

  it('connects to few of many strangers that do not answer', async () => {
    a.ble.announce({ mode: Mode.Unassigned, pairing: true });
    let asked = 0;
    a.radio.readEntityId = async () => {
      asked++;
      throw new CpnsError('Transport', 'PeerUnreachable', 'Nobody answers.');
    };
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 500; n++) {
        const advertisement = { mode: Mode.Unassigned, pairingOpen: true, hint: hintOf(second * 500 + n) } as const;
        a.radio.events?.advertised({ address: addressOf(1_000 + n), advertisement, rssi: -90 + second });
      }
      await lab.clock.advance(1_000);
    }
    // Eight at once and one a second.
    expect(asked).toBeGreaterThan(8);
    expect(asked).toBeLessThanOrEqual(18);
  });

  it('remembers few of many strangers', async () => {
    a.ble.announce({ mode: Mode.Unassigned, pairing: true });
    const asked = new Set<string>();
    a.radio.readEntityId = async (address) => {
      asked.add(address);
      return '';
    };
    for (let n = 0; n < 500; n++) {
      const advertisement = { mode: Mode.Unassigned, pairingOpen: true, hint: hintOf(n) } as const;
      a.radio.events?.advertised({ address: addressOf(1_000 + n), advertisement, rssi: -60 });
    }
    await lab.clock.advance(600_000);
    expect(asked.size).toBe(16);
  });

  it('asks few of many strangers, the nearest first, and finds the honest one among them', async () => {
    a.ble.announce({ mode: Mode.Unassigned, pairing: true });
    for (let n = 0; n < 500; n++) {
      a.radio.events?.advertised({
        address: addressOf(1_000 + n),
        advertisement: { mode: Mode.Unassigned, pairingOpen: true, hint: hintOf(n) },
        rssi: -90,
      });
    }
    b.ble.announce({ mode: Mode.Unassigned, pairing: true });
    await lab.clock.advance(5_000);
    expect(a.sees(b.id)?.pairing).toBe(true);
  });
});

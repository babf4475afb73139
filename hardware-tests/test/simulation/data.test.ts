import { pnIdText } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import { BOARD_ID, establishAtPhone, household, LAPTOP_ID } from './household.js';

const text = (octets: Uint8Array | undefined) => new TextDecoder().decode(octets);
const payload = (words: string) => new TextEncoder().encode(words);
const message = { channel: 'default', contentType: 'text/plain' };

describe('application data', () => {
  it('travels from a PNE to the server and is answered', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'one-to-one' });
    const id = await home.phone.device.messenger.queue({ ...message, pnId: undefined, to: 'server', payload: payload('hello, server') });
    expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
    expect(home.phone.device.messenger.outbox.size.messages).toBe(0);
  });

  it('travels from the server to a PNE', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'one-to-one' });
    await home.clock.advance(1_000);
    await home.clock.run(
      home.server.enabler.sendData(
        { to: home.phone.id, channel: 'default', contentType: 'text/plain', payload: payload('hello, phone') } as never,
        10_000,
      ),
    );
    await home.clock.advance(1_000);
    expect(home.phone.received.map((received) => text(received.data.payload))).toEqual(['hello, phone']);
  });

  it('travels from one PNE to another through the gateway, under the PN key', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    const id = await home.phone.device.messenger.queue({ ...message, pnId: undefined, to: BOARD_ID, payload: payload('hello, board') });
    expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
    expect(home.board.received.map(({ data }) => [data.from, text(data.payload)])).toEqual([['phone', 'hello, board']]);
  });

  it('travels between a PNE and the gateway itself', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    await home.clock.advance(1_000);
    const pnId = pnIdText(record.pnId);
    const up = await home.phone.device.messenger.queue({ ...message, pnId, to: LAPTOP_ID, payload: payload('up') });
    const down = await home.laptop.device.messenger.queue({ ...message, pnId, to: home.phone.id, payload: payload('down') });
    expect(
      await home.clock.run(Promise.all([home.phone.device.messenger.outcome(up), home.laptop.device.messenger.outcome(down)])),
    ).toEqual([true, true]);
    expect([home.laptop.received.length, home.phone.received.length]).toEqual([1, 1]);
  });

  it('waits in the outbox while the server is away, and over a restart', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'one-to-one' });
    home.server.goAway();
    await home.clock.advance(1_000);
    await home.phone.device.messenger.queue({ ...message, pnId: undefined, to: 'server', payload: payload('later') });
    await home.clock.advance(60_000);
    const phone = await home.restart(home.phone);
    expect(phone.device.messenger.outbox.size.messages).toBe(1);
    home.server.reachable = true;
    await home.clock.advance(200_000);
    expect(phone.device.messenger.outbox.size.messages).toBe(0);
  });

  it('is refused for a network that this device is not in', async () => {
    const home = await household();
    await expect(
      home.phone.device.messenger.queue({ ...message, pnId: undefined, to: 'server', payload: payload('x') }),
    ).rejects.toMatchObject({ code: 'NotInPn' });
    await establishAtPhone(home, { type: 'one-to-one' });
    const id = await home.phone.device.messenger
      .queue({ ...message, pnId: undefined, to: entityId('stranger'), payload: payload('x') })
      .catch((error) => error.code);
    expect(id).toBeTypeOf('string');
  });
});

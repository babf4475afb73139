import type { Uplink } from '@cpns/agent';
import type { CryptoProvider, EntityId } from '@cpns/shared';
import { CLEAR_FRAME, catalogue, decodeEnvelope, MAX_UPLINK_ENVELOPE } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { INNER_TYPE } from '@cpns/shared/security';
import { VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { BOARD, LAPTOP, PHONE, pairByCode, simulatedDevice } from '../../rigs/simulation/device.js';
import { SimulatedServer } from '../../rigs/simulation/server.js';
import type { Traffic } from '../target.js';
import { sampleEnvelope } from './sample.js';

/** Notes the first envelope of each message that passes. */
class Notebook {
  readonly envelopes = new Map<string, Uint8Array>();

  note(octets: Uint8Array): void {
    const { type } = decodeEnvelope(octets, MAX_UPLINK_ENVELOPE);
    if (type !== undefined && !this.envelopes.has(type.name)) this.envelopes.set(type.name, octets.slice());
  }

  clear(frame: Uint8Array): void {
    if (frame[0] === CLEAR_FRAME) this.note(frame.subarray(1));
  }

  /** A provider that shows what is sealed: content || innerType || zeros. */
  readonly provider: CryptoProvider = new Proxy(nativeProvider, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name !== 'seal') return typeof member === 'function' ? member.bind(target) : member;
      return (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array) => {
        let end = plain.length - 1;
        while (end > 0 && plain[end] === 0) end--;
        if (plain[end] === INNER_TYPE.envelope && plain[0] === 0xa5) this.note(plain.slice(0, end));
        return target.seal(key, nonce, aad, plain);
      };
    },
  });

  uplink(inner: Uplink): Uplink {
    return {
      ...inner,
      start: (events) =>
        inner.start({
          connected: () => events.connected(),
          disconnected: (reason) => events.disconnected(reason),
          message: (payload) => {
            this.clear(payload);
            events.message(payload);
          },
        }),
      publish: (payload) => {
        this.clear(payload);
        return inner.publish(payload);
      },
    };
  }
}

/**
 * One evening of a household in the simulation: pairing, establishment, messages in every direction, a server that restarts, a PNE that is
 * thrown out. Messages that no part of the product sends yet are made from their schemas.
 */
export async function simulateTraffic(): Promise<Traffic> {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const notebook = new Notebook();
  const { provider } = notebook;
  air.hook = ({ octets }) => {
    notebook.clear(octets);
    return octets;
  };
  const server = new SimulatedServer(clock, { provider });
  const start = async (name: string, facts: typeof PHONE) => {
    const euKey = await server.enrol(name);
    return simulatedDevice(name, { air, clock, facts, euKey, provider, uplink: notebook.uplink(server.uplink(name as EntityId)) });
  };
  const laptop = await start('laptop', LAPTOP);
  const phone = await start('phone', PHONE);
  const board = await start('board', BOARD);
  await pairByCode(clock, laptop, phone);
  await pairByCode(clock, laptop, board);
  await clock.advance(5_000);

  await clock.run(phone.device.networks.establish({ type: 'all' }, undefined, () => {}, new AbortController().signal));
  await clock.advance(1_000);
  const message = { channel: 'default', contentType: 'text/plain', payload: new TextEncoder().encode('hello') };
  await phone.device.messenger.queue({ ...message, pnId: undefined, to: 'server' });
  await phone.device.messenger.queue({ ...message, pnId: undefined, to: board.id });
  await clock.run(server.enabler.sendData({ ...message, to: phone.id }, 10_000));
  await clock.advance(70_000);
  air.sever(phone.id, laptop.id);
  await clock.advance(60_000);
  server.restart();
  await clock.advance(180_000);
  await clock.run(laptop.device.unpair(board.id));
  await clock.advance(60_000);

  for (const { device } of [laptop, phone, board]) await device.stop();
  await server.stop();
  const envelopes = [...catalogue.values()].map((type) => [type.name, notebook.envelopes.get(type.name) ?? sampleEnvelope(type)] as const);
  return { envelopes: new Map(envelopes) };
}

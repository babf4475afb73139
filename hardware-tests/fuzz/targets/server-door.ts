import {
  type CborMap,
  type CborValue,
  catalogue,
  clearFrame,
  decodeCbor,
  encodeCbor,
  encodeEnvelope,
  PROTOCOL_VERSION,
  relay,
} from '@cpns/shared/messages';
import { fromHex, INNER_TYPE, MAX_CONTENT, MAX_SK_RECORD, RELAYED_CONTENT } from '@cpns/shared/security';
import { reshapeCbor } from '../cbor-tree.js';
import { must } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { openWorld, type World } from './world.js';

/** What inputs have changed is forgotten after so many. */
const INPUTS_PER_WORLD = 1_000;
const INPUTS_PER_CHECK = 100;
/** Virtual time between two inputs, so that limits of rate seldom hide what is behind them. */
const GAP_MS = 1_000;
const KEY = { version: 1, message: 2, transaction: 3, sender: 4, body: 5 } as const;

/** The map that an envelope is, or undefined. */
function envelopeIn(data: Uint8Array): CborMap | undefined {
  try {
    const value = decodeCbor(data);
    return value instanceof Map ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The envelope as this sender would send it now: of this version and a new transaction, about the PN that there is. */
function told(envelope: CborMap, sender: string, number: number, pnId: Uint8Array): Uint8Array {
  const changed = new Map(envelope).set(KEY.version, PROTOCOL_VERSION).set(KEY.transaction, transactionOf(number)).set(KEY.sender, sender);
  const body = envelope.get(KEY.body);
  if (body !== undefined) changed.set(KEY.body, aboutPn(body, pnId));
  return encodeCbor(changed);
}

function transactionOf(number: number, fill = 0): Uint8Array {
  const transaction = new Uint8Array(16).fill(fill);
  new DataView(transaction.buffer).setUint32(0, number);
  return transaction;
}

/** Ids of PNs have 16 octets, and so has little else. */
function aboutPn(value: CborValue, pnId: Uint8Array): CborValue {
  if (value instanceof Uint8Array) return value.length === pnId.length ? pnId : value;
  if (value instanceof Map) return new Map([...(value as CborMap)].map(([key, item]) => [key, aboutPn(item, pnId)]));
  return Array.isArray(value) ? (value as readonly CborValue[]).map((item) => aboutPn(item, pnId)) : value;
}

type Way = 'clear' | 'raw' | 'gateway' | 'pne';
const WAYS: readonly Way[] = ['clear', 'raw', 'gateway', 'pne'];

/** The way on which the message belongs; one in sixteen, and what is no message, goes any way, always the same. */
function wayOf(data: Uint8Array, envelope: CborMap | undefined): Way {
  const type = catalogue.get(Number(envelope?.get(KEY.message)));
  if (type === undefined || data.length % 16 === 0) return WAYS[(data.at(-1) ?? 0) % WAYS.length] as Way;
  if (type.channels.includes('clear')) return 'clear';
  return type.directions.includes('PNE>Server') && (!type.directions.includes('GW>Server') || data.length % 2 === 0) ? 'pne' : 'gateway';
}

/** What arrives at the server. */
function payloadOf(data: Uint8Array, number: number, { laptopTap, phoneTap, pnId, phone, laptop }: World): Uint8Array | undefined {
  const pn = fromHex(pnId);
  const envelope = envelopeIn(data);
  const octets = (sender: string) => (envelope === undefined ? data : told(envelope, sender, number, pn));
  const fromLaptop = (content: Uint8Array) => laptopTap.record(INNER_TYPE.envelope, content.subarray(0, MAX_CONTENT));
  switch (wayOf(data, envelope)) {
    case 'clear':
      return clearFrame(octets(laptop.id));
    case 'raw':
      return data.subarray(0, MAX_SK_RECORD);
    case 'gateway':
      return fromLaptop(octets(laptop.id));
    case 'pne': {
      const record = phoneTap.record(INNER_TYPE.envelope, octets(phone.id).subarray(0, RELAYED_CONTENT));
      return record && fromLaptop(encodeEnvelope(relay, transactionOf(number, 0xee), laptop.id, { pnId: pn, pne: phone.id, record }));
    }
  }
}

async function mustServeOthers({ clock, server, bystander }: World): Promise<void> {
  const message = { to: bystander.id, channel: 'c', contentType: 'text/plain', payload: new Uint8Array([1]) };
  const { state } = await clock.run(server.enabler.sendData(message, 60_000));
  must(state === 'delivered', 'a message to another device was not delivered');
}

async function openDoor(): Promise<OpenTarget> {
  let world = await openWorld();
  let given = 0;
  return {
    async fuzz(data) {
      if (++given % INPUTS_PER_WORLD === 0) {
        await world.stop();
        world = await openWorld();
      }
      const { server, clock, laptop } = world;
      const payload = payloadOf(data, given, world);
      if (payload !== undefined) await clock.run(server.enabler.uplink(laptop.id, payload));
      await clock.advance(GAP_MS);
      const failed = server.logger.lines.find(({ level }) => level === 'error');
      must(failed === undefined, `the server fails inside: ${failed?.message} ${JSON.stringify(failed?.fields)}`);
      server.logger.lines.length = 0;
      if (given % INPUTS_PER_CHECK === 0) await mustServeOthers(world);
    },
    close: () => world.stop(),
  };
}

const TO_SERVER = new Set(
  [...catalogue.values()].filter(({ directions }) => directions.some((way) => way.endsWith('>Server'))).map(({ name }) => name),
);

export const serverDoor: FuzzTarget = {
  name: 'server-door',
  title: 'what a PN GW and its PNE send to the server, in clear and sealed in their own sessions',
  reshape: reshapeCbor,
  seeds: ({ envelopes }) => new Map([...envelopes].filter(([name]) => TO_SERVER.has(name))),
  open: openDoor,
};

import { describe, expect, it } from 'vitest';
import { entityId } from '../../src/ids.js';
import { catalogue, families } from '../../src/messages/catalogue.js';
import { encodeCbor } from '../../src/messages/cbor.js';
import { pnRegistrationRequest } from '../../src/messages/establishment.js';
import { admissible, bodyOf, decodeEnvelope, encodeEnvelope, MAX_PAN_ENVELOPE } from '../../src/messages/frame.js';
import { ack, relay } from '../../src/messages/link.js';
import { Status } from '../../src/messages/status.js';

const transaction = new Uint8Array(16).fill(7);
const sender = entityId('pne-1');
const good = encodeEnvelope(ack, transaction, sender, { status: Status.Success });

/** The envelope with one of its entries changed. */
function altered(change: (map: Map<number, unknown>) => void): Uint8Array {
  const map = new Map<number, unknown>([
    [1, 1],
    [2, 16],
    [3, transaction],
    [4, 'pne-1'],
    [5, new Map([[1, 0]])],
  ]);
  change(map);
  return encodeCbor(map as never);
}

describe('the envelope', () => {
  it('carries number, transaction, sender and body', () => {
    const envelope = decodeEnvelope(good);
    expect(envelope).toMatchObject({ number: ack.number, transaction, sender, type: ack });
    expect(bodyOf(envelope, ack)).toEqual({ status: Status.Success });
    expect(altered(() => {})).toEqual(good);
  });

  it('ignores fields that this version does not know, in envelope and body', () => {
    const envelope = decodeEnvelope(
      altered((map) => {
        map.set(6, 'later');
        map.set(
          5,
          new Map<number, unknown>([
            [1, 0],
            [9, 'later'],
          ]),
        );
      }),
    );
    expect(bodyOf(envelope, ack)).toEqual({ status: 0 });
  });

  it('keeps a message of unknown number, so that it can be answered with BadMessage', () => {
    expect(decodeEnvelope(altered((map) => map.set(2, 9999)))).toMatchObject({ type: undefined, number: 9999 });
  });

  it.each<[string, (map: Map<number, unknown>) => void, RegExp]>([
    ['another version', (map) => map.set(1, 2), /another version/],
    ['no number', (map) => map.delete(2), /incomplete/],
    ['a short transaction id', (map) => map.set(3, new Uint8Array(15)), /incomplete/],
    ['a sender that is no entity id', (map) => map.set(4, 'PNE 1'), /incomplete/],
    ['a sender that looks like a kid', (map) => map.set(4, '0123456789abcdef'), /incomplete/],
    ['no body', (map) => map.delete(5), /incomplete/],
    ['a body that is no map', (map) => map.set(5, 'hello'), /incomplete/],
  ])('refuses %s', (_what, change, why) => expect(() => decodeEnvelope(altered(change))).toThrow(why));

  it('refuses what is no map, and more octets than the hop carries', () => {
    expect(() => decodeEnvelope(encodeCbor([1, 2]))).toThrow(/not an envelope/);
    expect(() => decodeEnvelope(new Uint8Array(MAX_PAN_ENVELOPE + 1))).toThrow(/more than 16384/);
  });

  it('names the field that breaks its schema', () => {
    const envelope = decodeEnvelope(altered((map) => map.set(5, new Map([[1, 99]]))));
    expect(() => bodyOf(envelope, ack)).toThrow(/Ack\.status is not one of/);
    expect(() => bodyOf(envelope, relay)).toThrow(/Expected Relay/);
  });

  it('refuses to send what breaks its schema', () => {
    expect(() => encodeEnvelope(relay, transaction, sender, { pnId: new Uint8Array(3), pne: sender, record: new Uint8Array(50) })).toThrow(
      /bytes\(16\)/,
    );
    expect(() =>
      encodeEnvelope(pnRegistrationRequest, transaction, sender, {
        pnId: new Uint8Array(16),
        gatewayCapabilities: new Uint8Array(1),
        initiator: sender,
        randGw: new Uint8Array(32),
        shareMembers: true,
        pnes: [],
      }),
    ).toThrow(/at most 32/);
  });
});

describe('the catalogue', () => {
  it('has every message once, each with a source, a direction and a channel', () => {
    const all = families.flatMap((family) => family.messages);
    expect(catalogue.size).toBe(all.length);
    expect(all.length).toBeGreaterThan(100);
    for (const type of all) {
      expect(type.source, type.name).not.toBe('');
      expect(type.directions.length, type.name).toBeGreaterThan(0);
      expect(type.channels.length, type.name).toBeGreaterThan(0);
    }
  });

  it('lets a message in only on its channel and from its side', () => {
    expect(admissible(relay, 'pan', ['PNE>GW'])).toBe(true);
    expect(admissible(relay, 'clear', ['PNE>GW'])).toBe(false);
    expect(admissible(pnRegistrationRequest, 'sk', ['PNE>Server'])).toBe(false);
  });

  it('has no message but handshakes, pairing and hop control in clear', () => {
    const clear = [...catalogue.values()].filter((type) => type.channels.includes('clear')).map((type) => type.name);
    expect(clear).toEqual([
      'Link 1',
      'Link 2',
      'Link 3',
      'Pairing 1',
      'Pairing 2',
      'Pairing 3',
      'Pairing 4',
      'Pairing 5',
      'Ack',
      'Pending',
      'Refusal',
      'SessionUnknown',
      'Zone Announcement',
      'Connection Setup Request (PN GW)',
      'Authentication and Authorization Request',
      'Authentication and Authorization Response',
      'Connection Setup Confirmation (PN GW)',
    ]);
  });
});

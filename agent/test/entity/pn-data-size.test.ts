import type { EntityId } from '@cpns/shared';
import { Addressee, type ApplicationData, encodeEnvelope, MAX_PAN_ENVELOPE, pnData, pnDataContent, toOctets } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { SenderKey } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { requireFitsPnData } from '../../src/entity/pn-data-size.js';

const LONG = 'a'.repeat(32) as EntityId;
const SHORT = 'phone' as EntityId;

const message = (payload: number, id: EntityId, contentType = 't'.repeat(64)): ApplicationData => ({
  id: new Uint8Array(16),
  from: id,
  to: Addressee.Entity,
  entity: id,
  channel: 'c'.repeat(32),
  contentType,
  payload: new Uint8Array(payload),
});

/** Octets of the envelope that the PN GW passes on, with the highest epoch and number. */
function passedOn(data: ApplicationData, id: EntityId): number {
  const top = 2n ** 64n - 1n;
  const header = { scope: new Uint8Array(16), epoch: top, idSender: id, salt: new Uint8Array(8) };
  const message = new SenderKey(nativeProvider, new Uint8Array(44), header).seal(top, toOctets(pnDataContent, { data }));
  return encodeEnvelope(pnData, new Uint8Array(16), LONG, { pnId: new Uint8Array(16), from: id, to: id, message }).length;
}

describe('data for another entity', () => {
  it('fits with the longest payload when names are short', () => {
    expect(() => requireFitsPnData(message(16_000, SHORT), SHORT, SHORT)).not.toThrow();
  });

  it('is refused with the octets that are too many, and fits exactly without them', () => {
    const refused = () => requireFitsPnData(message(16_000, LONG), LONG, LONG);
    expect(refused).toThrow(expect.objectContaining({ code: 'MessageTooLarge' }));
    let over = 0;
    try {
      refused();
    } catch (error) {
      over = Number(/(\d+) octets too long/.exec((error as Error).message)?.[1]);
    }
    expect(() => requireFitsPnData(message(16_000 - over, LONG), LONG, LONG)).not.toThrow();
    expect(passedOn(message(16_000 - over, LONG), LONG)).toBe(MAX_PAN_ENVELOPE);
  });
});

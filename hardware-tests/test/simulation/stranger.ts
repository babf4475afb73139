import type { EntityId, Link } from '@cpns/shared';
import { clearFrame, encodeEnvelope, pairing1 } from '@cpns/shared/messages';
import type { Household } from './household.js';

/** Somebody in the room whom nobody knows, with a link of his own to a device. */
export interface Stranger {
  readonly id: EntityId;
  readonly link: Link;
  readonly heard: Uint8Array[];
  closed(): boolean;
  /** The first message of a pairing. */
  beginPairing(): void;
}

/** Lets a stranger come into the room and dial. */
export async function stranger(
  { air, clock }: Pick<Household, 'air' | 'clock'>,
  to: EntityId,
  id = 'stranger' as EntityId,
): Promise<Stranger> {
  const technology = air.technology(id);
  await technology.start({ sighted: () => {}, lost: () => {}, accepted: () => {}, problem: () => {} });
  const link = await technology.dial([to], new AbortController().signal);
  const heard: Uint8Array[] = [];
  let over = false;
  link.open({
    frame: (octets) => heard.push(octets),
    closed: () => {
      over = true;
    },
  });
  const beginPairing = () =>
    link.send(clearFrame(encodeEnvelope(pairing1, new Uint8Array(16), id, { version: 1, suite: 1, commit: new Uint8Array(32) })));
  await clock.advance(10);
  return { id, link, heard, closed: () => over, beginPairing };
}

import type { PnId } from '@cpns/shared';
import { bodyOf, type Envelope, pnSetupAck } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { pnIdText } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';

/** PN Setup Acks that are awaited: the gateway tells the PN ID it picked, once, on the link of the request (protocol e.30). */
export class SetupAcks {
  readonly #awaited = new Map<string, { readonly link: PeerLink; readonly then: (pnId: PnId) => void }>();

  expect(transaction: Uint8Array, link: PeerLink, then: (pnId: PnId) => void): void {
    this.#awaited.set(toHex(transaction), { link, then });
  }

  /** A PN Setup Ack arrived; a second one, or one on another link, is ignored. */
  arrived(link: PeerLink, envelope: Envelope): void {
    const key = toHex(envelope.transaction);
    const awaited = this.#awaited.get(key);
    if (awaited?.link !== link) return;
    this.#awaited.delete(key);
    awaited.then(pnIdText(bodyOf(envelope, pnSetupAck).pnId));
  }

  forget(transaction: Uint8Array): void {
    this.#awaited.delete(toHex(transaction));
  }
}

import type { Clock, CryptoProvider, EntityId, Entropy, PnId } from '@cpns/shared';
import type { BodyOf } from '@cpns/shared/messages';
import { encodeEnvelope, sessionConfirm } from '@cpns/shared/messages';
import { AGE_LIMITS, EnvelopeReassembler, INNER_TYPE, RELAYED_CONTENT, type SkMaterial, SkOpener, SkSender } from '@cpns/shared/security';
import type { Settings } from '../config/settings.js';

/** What a handshake decided about a session (security 1.3): its two ends and who carries it. */
export interface SessionEnds {
  readonly entityId: EntityId;
  /** Empty: the own session of a PN GW. */
  readonly pnId: PnId | '';
  /** The PN GW that carries the records, bound by the handshake; empty for an own session. */
  readonly gateway: EntityId | '';
}

export interface SessionOptions extends SessionEnds {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** The session takes it over. */
  readonly material: SkMaterial;
  readonly settings: { readonly sessions: Pick<Settings['sessions'], 'sessionLifetimeMs'> };
}

/** One SK session at the server: a device's own, or that of a PNE in one PN. */
export class Session implements SessionEnds {
  readonly entityId: EntityId;
  readonly pnId: PnId | '';
  readonly gateway: EntityId | '';
  readonly sid: Uint8Array;
  readonly opener: SkOpener;
  readonly parts: EnvelopeReassembler;
  /** The session is over so many milliseconds after it was made. */
  readonly lifetimeMs: number;
  /** The PNE's acknowledgement is durable in the PN Inventory. */
  acknowledged = false;
  /** The PNE was taken out of the PN: it is still told so, and asks for nothing any more. */
  leaving = false;
  /** Transaction id of the status look-up that the PN GW has not answered (seed 002 step 14), in hex. */
  statusAsked: string | undefined;
  /** Transaction id of the last heartbeat, in hex, while the device has not answered it. */
  heartbeat: string | undefined;
  readonly #material: SkMaterial;
  readonly #sender: SkSender;

  constructor({ provider, entropy, clock, settings, material, entityId, pnId, gateway }: SessionOptions) {
    const sessionMs = settings.sessions.sessionLifetimeMs;
    this.entityId = entityId;
    this.pnId = pnId;
    this.gateway = gateway;
    this.opener = new SkOpener(provider, material, 'p2s');
    this.sid = this.opener.sid;
    this.parts = new EnvelopeReassembler(clock);
    this.lifetimeMs = sessionMs + AGE_LIMITS.graceMs;
    this.#material = material;
    this.#sender = new SkSender({ provider, entropy, clock, material, direction: 's2p', sid: this.sid, limits: { sessionMs } });
  }

  /** A PN GW's own session; the device is its peer in the role of PN GW. */
  get own(): boolean {
    return this.pnId === '';
  }

  /** These are the keys of this session. */
  holds(material: SkMaterial): boolean {
    return this.#material === material;
  }

  /** The first s2p record (security 1.3): response code, keys and the receiver's own view. */
  firstRecord(transaction: Uint8Array, body: BodyOf<typeof sessionConfirm>): Uint8Array {
    return this.#sender.seal(INNER_TYPE.envelope, encodeEnvelope(sessionConfirm, transaction, '', body));
  }

  /**
   * The records that carry one envelope: one, or parts.
   * @throws CpnsError State/MustRehandshake, State/ChannelClosed, Internal/BadLength
   */
  seal(envelope: Uint8Array, pad: boolean): Uint8Array[] {
    return this.#sender.sealEnvelope(envelope, { pad }, this.own ? undefined : RELAYED_CONTENT);
  }

  /** Overwrites all keys. May be called again. */
  erase(): void {
    this.#sender.erase();
    this.opener.erase();
    this.#material.sk.erase();
  }
}

import { CpnsError, type EntityId, type Reply, reply, withDeadline } from '@cpns/shared';
import { bodyOf, type Envelope, pairing1, pairing2, pairing3, pairing4, pairing5, Status } from '@cpns/shared/messages';
import { PairingInitiator, type PairingInvitation, type PairingLink, PairingResponder, type PairingResult } from '@cpns/shared/security';
import { openLinkSession } from '../link-session.js';
import { CLEAR, type Hop, type PeerLink } from '../peer-link.js';
import type { PairingContext } from './pairing-context.js';

const MESSAGE_TIMEOUT_MS = 5_000;

/** What an attempt asks of the people and the device around it. */
export interface AttemptDesk {
  /** Shows the code and waits for this device's person. @throws CpnsError Auth/PairingRefused on a no */
  confirm(peer: EntityId, code: string): Promise<void>;
  /** K_pair is provisional from here on. */
  agreed(result: PairingResult): void;
  /** A person at the other device said yes. */
  confirmedThere(): void;
  /** The other device has been silent for too long, with no person to wait for. */
  late(): void;
  readonly signal: AbortSignal;
  readonly remainingMs: number;
}

/** A: the side that opened the link (security 1.9). Ends with the first link session under the new K_pair. */
export async function initiatePairing(
  context: PairingContext,
  link: PeerLink,
  peer: EntityId,
  desk: AttemptDesk,
  shown?: PairingLink,
): Promise<PairingResult> {
  const { provider, entropy, self } = context;
  link.allowUnproven(desk.remainingMs);
  const run = new PairingInitiator({ provider, entropy, ownId: self, linkType: link.technology, peerId: peer, link: shown });
  try {
    return await withDeadline(
      context.clock,
      desk.remainingMs,
      desk.signal,
      async (signal) => {
        const options = { timeoutMs: MESSAGE_TIMEOUT_MS, signal };
        const transaction = entropy.bytes(16);
        const second = await link.exchange.request(pairing1, run.start(), [pairing2], CLEAR, { ...options, transaction });
        if (second.sender === '') throw new CpnsError('Auth', 'PairingRefused', 'The other device does not say who it is.');
        link.exchange.notify(pairing3, run.reveal(second.body, second.sender), CLEAR, transaction);
        if (run.code !== undefined) await desk.confirm(peer, run.code);
        const fifth = await link.exchange.request(pairing4, run.accept(), [pairing5], CLEAR, options);
        desk.confirmedThere();
        const result = run.finish(fifth.body);
        desk.agreed(result);
        await openLinkSession(context, link, { id: peer, kPair: result.kPair });
        return result;
      },
      'Nobody confirmed the pairing in time: open it again on both devices.',
    );
  } finally {
    run.abort();
  }
}

/** B: the side that accepted the link. Fed with the messages of its link; it has paired when the link session under K_pair stands. */
export class PairingAcceptor {
  readonly #context: PairingContext;
  readonly #run: PairingResponder;
  readonly #link: PeerLink;
  readonly #desk: AttemptDesk;
  #cancelTimer = () => {};
  #peer: EntityId | undefined;
  #personSaidYes: Promise<void> | undefined;

  constructor(context: PairingContext, link: PeerLink, desk: AttemptDesk, invitation?: PairingInvitation) {
    const { provider, entropy, self } = context;
    this.#context = context;
    this.#run = new PairingResponder({ provider, entropy, ownId: self, linkType: link.technology, invitation });
    this.#link = link;
    this.#desk = desk;
  }

  get peer(): EntityId | undefined {
    return this.#peer;
  }

  /** One message of the attempt. @throws CpnsError Auth/PairingRefused */
  async take(envelope: Envelope): Promise<void> {
    switch (envelope.number) {
      case pairing1.number:
        if (envelope.sender === '') throw new CpnsError('Auth', 'PairingRefused', 'The other device does not say who it is.');
        this.#peer = envelope.sender;
        this.#expectMore();
        return this.#serve(envelope, async () => this.#accept(envelope, envelope.sender as EntityId));
      case pairing3.number: {
        if (envelope.sender === '') throw new CpnsError('Auth', 'PairingRefused', 'The other device does not say who it is.');
        this.#run.receive(bodyOf(envelope, pairing3), envelope.sender);
        const { code } = this.#run;
        if (code === undefined) this.#expectMore();
        else this.#cancelTimer();
        this.#personSaidYes = code === undefined ? Promise.resolve() : this.#desk.confirm(this.#peer as EntityId, code);
        this.#personSaidYes.catch(() => undefined);
        return;
      }
      case pairing4.number:
        return this.#serve(envelope, () => this.#complete(envelope));
      default:
        throw new CpnsError('Codec', 'BadMessage', 'A message does not belong to a pairing.', { status: Status.BadMessage });
    }
  }

  abort(): void {
    this.#cancelTimer();
    this.#run.abort();
  }

  /** Where no person is waited for, the next message comes soon: nobody can hold the one attempt for the whole window. */
  #expectMore(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#context.clock.after(MESSAGE_TIMEOUT_MS, () => this.#desk.late());
  }

  /** The commit: from here on this is a pairing, and may take its time. @throws CpnsError Auth/PairingRefused */
  #accept(envelope: Envelope, peer: EntityId): Reply<Hop> {
    const answer = this.#run.answer(bodyOf(envelope, pairing1), peer);
    this.#link.allowUnproven(this.#desk.remainingMs);
    return reply(pairing2, answer);
  }

  /** A's confirm is verified at once; the own one leaves only after the own person said yes. */
  async #complete(envelope: Envelope): Promise<Reply<Hop>> {
    const early = this.#run.confirm(bodyOf(envelope, pairing4));
    this.#desk.confirmedThere();
    if (early === undefined) await this.#personSaidYes;
    const completion = early ?? this.#run.accept();
    if (completion === undefined) throw new CpnsError('Internal', 'PairingOrder', 'The pairing did not complete.');
    this.#desk.agreed(completion.result);
    this.#expectMore();
    return reply(pairing5, completion.message);
  }

  #serve(envelope: Envelope, handle: () => Promise<Reply<Hop>>): Promise<void> {
    return this.#link.exchange.serve(envelope, CLEAR, handle);
  }
}

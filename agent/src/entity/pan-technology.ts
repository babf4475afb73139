import type { EntityId, Link, LinkType } from '@cpns/shared';
import type { Mode } from '@cpns/shared/messages';

/** What an agent tells everybody around it, unauthenticated: a hint and nothing more. */
export interface Announcement {
  readonly mode: Mode;
  /** The pairing window is open. */
  readonly pairing: boolean;
}

/** Another agent that a PAN technology has noticed. Nothing in it is proven. */
export interface Sighting extends Announcement {
  readonly id: EntityId;
  readonly technology: LinkType;
  /** Where it can be dialled, best first; what the technology understands (`host:port` on the LAN). */
  readonly addresses: readonly string[];
}

/** What a PAN technology reports to the agent. */
export interface PanEvents {
  /** Noticed, or noticed again with something changed. */
  sighted(sighting: Sighting): void;
  /** Not heard of for a while, or said goodbye. A hint: a living link outlasts it. */
  lost(id: EntityId, technology: LinkType): void;
  /** Somebody opened a link to us. */
  accepted(link: Link): void;
  /** Something a person may want to know or cure, in one sentence; `undefined` when it is over. */
  problem(sentence: string | undefined): void;
}

/** One way of finding and reaching nearby devices. The agent owns any number of them and treats them alike. */
export interface PanTechnology {
  readonly type: LinkType;
  /** Begins to announce, look around and accept. Resolves when links can be accepted. */
  start(events: PanEvents): Promise<void>;
  announce(announcement: Announcement): void;
  /** Is this an address of this technology, whether or not anybody is there? */
  canDial(address: string): boolean;
  /** Opens a link to any of `addresses`, the first that answers. @throws CpnsError Transport, Timeout */
  dial(addresses: readonly string[], signal: AbortSignal): Promise<Link>;
  /**
   * Whoever is at the other end of `link` has proven itself, or its pairing commit was accepted while the window is open: until then
   * it is a stranger, whom a technology may show out (protocol 0.26).
   */
  proven(link: Link): void;
  /** Addresses under which this device itself can be dialled, for a pairing link. */
  addresses(): readonly string[];
  /** A link broke: look again at once. */
  refresh(): void;
  /** Says goodbye and closes everything. */
  stop(): Promise<void>;
}

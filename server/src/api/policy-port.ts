import type { EntityId, PnId, UserId } from '@cpns/shared';
import type { PolicyChange, UserPolicy } from '../inventory/users.js';

/** An open invitation (protocol 0.15) to one device, or to every device of a user: exactly one of both is there. */
export interface InvitationView {
  readonly device?: EntityId | undefined;
  readonly user?: UserId | undefined;
  /** The one PN that it is for; absent: all PNs of this user's PN GWs. */
  readonly pnId?: PnId | undefined;
  /** ISO 8601; absent: until it is withdrawn. */
  readonly until?: string | undefined;
}

/** What one user lets happen. */
export interface PolicyView extends UserPolicy {
  readonly userId: UserId;
  /** Those that have not ended. */
  readonly invitations: readonly InvitationView[];
}

/** The operator's side of the users' policies. A change counts for whoever comes in from then on; who is in a PN stays in it. */
export interface Policies {
  /** @throws CpnsError State/UnknownUser, as all of these */
  show(userId: UserId): Promise<PolicyView>;
  set(userId: UserId, change: PolicyChange): Promise<PolicyView>;
  /**
   * Opens an invitation; it takes the place of another one for the same guest and the same PN.
   * @throws CpnsError State/UnknownDevice, State/UnknownPn, State/DeviceRevoked, State/TooManyInvitations, Config/NotAGuest, Config/BadTime
   */
  allow(userId: UserId, invitation: InvitationView): Promise<PolicyView>;
  /** Withdraws an invitation. @throws CpnsError State/UnknownInvitation */
  forbid(userId: UserId, invitation: Omit<InvitationView, 'until'>): Promise<PolicyView>;
}

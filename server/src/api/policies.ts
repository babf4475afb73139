import { type Clock, CpnsError, type UserId } from '@cpns/shared';
import type { Database, Reads } from '../inventory/database.js';
import { type PolicyChange, type UserRecord, unknownUser } from '../inventory/users.js';
import { noDevice, noPn } from './admin-views.js';
import type { InvitationView, Policies, PolicyView } from './policy-port.js';

export interface PoliciesOptions {
  readonly inventory: Pick<Database, 'reads' | 'transact'>;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** The users' policies in the inventory. */
export class InventoryPolicies implements Policies {
  readonly #options: PoliciesOptions;

  constructor(options: PoliciesOptions) {
    this.#options = options;
  }

  async show(userId: UserId): Promise<PolicyView> {
    const { reads } = this.#options.inventory;
    const { policy } = known(reads, userId);
    const invitations = reads.invitations.of(userId).map(({ device, user, pnId, untilMs }) => ({
      ...(device !== undefined && { device }),
      ...(user !== undefined && { user }),
      ...(pnId !== undefined && { pnId }),
      ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
    }));
    return { userId, ...policy, invitations };
  }

  async set(userId: UserId, change: PolicyChange): Promise<PolicyView> {
    await this.#options.inventory.transact((tx) => {
      const before = known(tx, userId).policy;
      const { guests, chargeElsewhere } = tx.users.setPolicy(userId, change).policy;
      if (before.guests === guests && before.chargeElsewhere === chargeElsewhere) return;
      const text = `The policy of user "${userId}" is: guests ${guests}, charge elsewhere ${chargeElsewhere}.`;
      tx.events.add({ event: 'policy-changed', text });
    });
    return this.show(userId);
  }

  async allow(userId: UserId, invitation: InvitationView): Promise<PolicyView> {
    const { inventory, clock } = this.#options;
    const untilMs = invitation.until === undefined ? undefined : Date.parse(invitation.until);
    if (untilMs !== undefined && !(untilMs > clock.wallMs()))
      throw new CpnsError('Config', 'BadTime', 'An invitation ends at a time that is still to come.');
    await inventory.transact((tx) => {
      requireGuest(tx, known(tx, userId), invitation);
      const { device, user, pnId } = invitation;
      tx.invitations.open(userId, { device, user, pnId, untilMs });
      const until = untilMs === undefined ? '' : `, until ${new Date(untilMs).toISOString()}`;
      tx.events.add({ event: 'invitation-opened', text: `${sentence(userId, invitation)} invited${until}.`, ...about(invitation) });
    });
    return this.show(userId);
  }

  async forbid(userId: UserId, invitation: Omit<InvitationView, 'until'>): Promise<PolicyView> {
    await this.#options.inventory.transact((tx) => {
      known(tx, userId);
      const { device, user, pnId } = invitation;
      if (!tx.invitations.withdraw(userId, { device, user, pnId })) {
        const advice = `see "cpns-server policy show ${userId}"`;
        throw new CpnsError('State', 'UnknownInvitation', `"${userId}" has no such open invitation: ${advice}.`);
      }
      const text = `${sentence(userId, invitation)} not invited any more.`;
      tx.events.add({ event: 'invitation-withdrawn', text, ...about(invitation) });
    });
    return this.show(userId);
  }
}

function known(reads: Pick<Reads, 'users'>, userId: UserId): UserRecord {
  const user = reads.users.find(userId);
  if (user === undefined) throw unknownUser(userId);
  return user;
}

/** An invitation names who is there, belongs to somebody else, and a PN of this user. */
function requireGuest(reads: Pick<Reads, 'users' | 'devices' | 'pns'>, host: UserRecord, { device, user, pnId }: InvitationView): void {
  if ((device === undefined) === (user === undefined))
    throw new CpnsError('Config', 'NotAGuest', 'An invitation is for one device or for one user: name one of them.');
  const invited = device === undefined ? undefined : reads.devices.find(device);
  if (device !== undefined && invited === undefined) throw noDevice(device);
  if (invited?.state === 'revoked') throw new CpnsError('State', 'DeviceRevoked', `Device "${device}" is revoked: it cannot be invited.`);
  const guest = invited?.userId ?? known(reads, user as UserId).userId;
  if (guest === host.userId)
    throw new CpnsError('Config', 'NotAGuest', `What belongs to "${guest}" needs no invitation into the personal networks of "${guest}".`);
  if (pnId === undefined) return;
  const gateway = reads.pns.find(pnId)?.gateway;
  if (gateway === undefined) throw noPn(pnId);
  if (reads.devices.find(gateway)?.userId !== host.userId)
    throw new CpnsError('Config', 'NotAGuest', `The personal network ${pnId} is not one of "${host.userId}".`);
}

function sentence(host: UserId, { device, user, pnId }: InvitationView): string {
  const into = pnId === undefined ? `the personal networks of "${host}"` : `the personal network ${pnId}`;
  return device === undefined ? `Devices of "${user}" coming into ${into} are` : `${device}, coming into ${into}, is`;
}

function about({ device, pnId }: InvitationView) {
  return { ...(device !== undefined && { entityId: device }), ...(pnId !== undefined && { pnId }) };
}

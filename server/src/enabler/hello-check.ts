import { type CpnsError, type EntityId, toCpnsError } from '@cpns/shared';
import { allowsGateway, fromOctets, type HelloRequest, helloRequest, Status } from '@cpns/shared/messages';
import {
  decideIdentities,
  type EuKeyRoot,
  type HandshakeHello,
  type RunIdentities,
  refuseDowngrade,
  type VerifiedHello,
  verifyHello,
} from '@cpns/shared/security';
import type { Reads } from '../inventory/database.js';
import type { DeviceRecord } from '../inventory/devices.js';
import type { UserRecord } from '../inventory/users.js';
import type { EnablerContext } from './context.js';
import type { Incoming } from './incoming.js';
import { refuse } from './refusals.js';

/** A hello of which the server knows whose it is. */
export interface CheckedHello {
  readonly identities: RunIdentities;
  readonly verified: VerifiedHello;
  readonly root: EuKeyRoot;
}

/**
 * Decides who a hello is from and through whom it came (security 1.3, checks of the server), then its reqMAC. Whatever fails, the same
 * work is done and the same status given, so that nobody learns which kids exist; the bucket of a device is debited only when its own
 * key made the hello.
 * @throws CpnsError Auth with the code of the check that failed; State/TooManyRequests
 */
export function checkHello(context: EnablerContext, incoming: Incoming<unknown>, hello: HandshakeHello): CheckedHello {
  const { keys, provider, limits } = context;
  const { session, topic, sender } = incoming;
  const owned = keys.byKid(hello.kid);
  let identities: RunIdentities | undefined;
  let wrong: CpnsError | undefined;
  try {
    identities = decideIdentities({
      connectionSetup: session === undefined,
      session: session?.own ? session.entityId : undefined,
      topic,
      envelopeSender: sender,
      hello,
      row: owned && { kid: owned.root.kid, entityId: owned.entityId, active: true },
    });
  } catch (error) {
    wrong = toCpnsError(error);
  }
  const root = identities === undefined ? undefined : owned?.root;
  try {
    const verified = verifyHello({ provider, root, idGw: session === undefined ? '' : topic, hello });
    if (identities === undefined || root === undefined) throw wrong;
    limits.request(identities.idPne);
    return { identities, verified, root };
  } catch (error) {
    throw wrong ?? error;
  }
}

/**
 * What the hello of a PNE asks for; a run below what both sides support is refused.
 * @throws CpnsError Codec/BadMessage, Auth/Downgrade
 */
export function readRequest(verified: VerifiedHello): HelloRequest {
  const request = fromOctets(helloRequest, verified.request, 'hello.request');
  refuseDowngrade(verified, request);
  return request;
}

/** A PN GW and the user it belongs to. */
export interface GatewayRight {
  readonly device: DeviceRecord;
  readonly user: UserRecord;
}

/**
 * Authorization (seed 002 steps 9 to 11): the device is active, its user is there, and the subscription allows a PN GW.
 * @throws CpnsError Auth/NoGatewayRight (NotAuthorized)
 */
export function requireGatewayRight(reads: Pick<Reads, 'devices' | 'users'>, gateway: EntityId): GatewayRight {
  const device = reads.devices.find(gateway);
  const user = device && reads.users.find(device.userId);
  if (device?.state !== 'active' || user === undefined)
    throw refuse(Status.NotAuthorized, 'NoGatewayRight', `${gateway} is no active device of a user.`);
  if (!allowsGateway(user.subscription)) {
    throw refuse(Status.NotAuthorized, 'NoGatewayRight', `The subscription of ${user.userId} does not allow ${gateway} to be a PN GW.`);
  }
  return { device, user };
}

import { CpnsError } from '@cpns/shared';
import { allowsGateway } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { type EuKeyRoot, eraseRoot, rootFromPrk, Secret } from '@cpns/shared/security';
import type { EnrolmentSummary } from './cli/ports.js';
import type { EnrolmentRecord } from './entity/device-state.js';

/** @throws CpnsError State/NotEnrolled */
export function requireEnrolment(enrolment: EnrolmentRecord | undefined): EnrolmentRecord {
  if (enrolment !== undefined) return enrolment;
  throw new CpnsError(
    'State',
    'NotEnrolled',
    'This device is not enrolled: ask the operator for a code (cpns-server device add), then: cpns-agent enrol -',
  );
}

/** The keys of a device; whoever asks erases them. */
export function rootOf({ prk }: EnrolmentRecord): EuKeyRoot {
  const secret = new Secret('EUKey PRK', prk);
  try {
    return rootFromPrk(nativeProvider, secret);
  } finally {
    secret.erase();
  }
}

/** Who a device is, without its keys. */
export function summaryOf(enrolment: EnrolmentRecord): EnrolmentSummary {
  const { entityId, serverId, serverAddress, subscription } = enrolment;
  const root = rootOf(enrolment);
  eraseRoot(root);
  return {
    id: entityId,
    serverId,
    ...(serverAddress !== '' && { serverAddress }),
    kid: root.kid,
    userId: subscription.userId,
    mayBeGateway: allowsGateway(subscription),
  };
}

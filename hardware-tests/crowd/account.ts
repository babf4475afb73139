import { CpnsError, type Enrolment, type EntityId, entityId, type ServerId, serverId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { type EuKeyRoot, euKeyPrk, fromHex, rootFromPrk, Secret, toHex } from '@cpns/shared/security';

/** A device that a server knows. */
export interface Account {
  readonly id: EntityId;
  readonly root: EuKeyRoot;
}

/** A PN GW and the PNEs of the same user that are paired with it. */
export interface Household {
  readonly gateway: Account;
  readonly pnes: readonly Account[];
}

/** The same as text, to hand it to another process: entity ids with their EUKeys in hex. */
export interface HouseholdKeys {
  readonly gateway: DeviceKey;
  readonly pnes: readonly DeviceKey[];
}
export interface DeviceKey {
  readonly id: string;
  readonly euKey: string;
}

/** What was enrolled, and with which server. */
export interface EnrolledCrowd {
  readonly idServer: string;
  readonly households: readonly HouseholdKeys[];
}

export function keyOf({ entityId: id, euKey }: Pick<Enrolment, 'entityId' | 'euKey'>): DeviceKey {
  return { id, euKey: toHex(euKey.reveal()) };
}

/** @throws CpnsError Config/BadEuKey, and those of ids */
export function readCrowd({ idServer, households }: EnrolledCrowd): { readonly idServer: ServerId; readonly households: Household[] } {
  if (households.length === 0) throw new CpnsError('Config', 'NoHouseholds', 'There is no PN GW in the crowd.');
  return {
    idServer: serverId(idServer),
    households: households.map(({ gateway, pnes }) => ({ gateway: accountOf(gateway), pnes: pnes.map(accountOf) })),
  };
}

function accountOf({ id, euKey }: DeviceKey): Account {
  const key = Secret.take(`EUKey ${id}`, fromHex(euKey));
  const prk = euKeyPrk(nativeProvider, key);
  const root = rootFromPrk(nativeProvider, prk);
  key.erase();
  prk.erase();
  return { id: entityId(id), root };
}

import { join } from 'node:path';
import {
  createMasterKey,
  type Database,
  defaultSettings,
  EuKeyStore,
  ensureAdminToken,
  loadMasterKey,
  openDatabase,
  sealerFor,
} from '@cpns/server';
import { entityId, type PnId, userId } from '@cpns/shared';
import { PN_GW_SERVICE, PneState } from '@cpns/shared/messages';
import { createLogger, ensurePrivateDirectory, nativeProvider, SystemClock, systemEntropy } from '@cpns/shared/node';
import { enc, fromHex, toHex } from '@cpns/shared/security';
import type { DeviceKey, EnrolledCrowd, HouseholdKeys } from './account.js';
import { capabilities } from './crowd-pne.js';

export interface FillOptions {
  /** Made by this; the server's state. */
  readonly stateDirectory: string;
  readonly idServer: string;
  /** Households to enrol: each a user with a PN GW, PNEs, and one PN with all of them. */
  readonly households: number;
  readonly pnesPerHousehold: number;
  /** Of these, so many are given out, spread over the whole. */
  readonly crowd: number;
  readonly signal: AbortSignal;
}

/** Households in one transaction. */
const AT_ONCE = 50;
const PN_KEY_OCTETS = 32;

/**
 * Makes the state of a server with a history: devices that are enrolled, registered and members of a PN, by the server's own code. Every
 * page is in the main file of the database when this returns.
 * @throws CpnsError of the state directory and the database
 */
export async function fillServer(options: FillOptions): Promise<EnrolledCrowd> {
  const { stateDirectory, idServer, households, crowd, signal } = options;
  await ensurePrivateDirectory(stateDirectory);
  await createMasterKey(stateDirectory, systemEntropy);
  await ensureAdminToken(stateDirectory, systemEntropy);
  const masterKey = await loadMasterKey(stateDirectory);
  const settings = defaultSettings();
  const database = openDatabase({
    path: join(stateDirectory, settings.database.file),
    clock: new SystemClock({ unref: true }),
    entropy: systemEntropy,
    logger: createLogger({ level: 'error', format: 'text' }),
    limits: { ...settings.limits, answersKeptMs: settings.sessions.answersKeptMs },
  });
  const pnKeys = sealerFor(nativeProvider, masterKey, 'pn-key');
  const keys = new EuKeyStore({
    rows: database.keys,
    sealer: sealerFor(nativeProvider, masterKey, 'eukey'),
    provider: nativeProvider,
    entropy: systemEntropy,
    cachedRoots: 1,
  });
  const sealedKey = (pnId: PnId) => pnKeys.seal(enc(fromHex(pnId), 1n), systemEntropy.bytes(PN_KEY_OCTETS));
  const given: HouseholdKeys[] = [];
  const every = households / crowd;
  try {
    for (let first = 0; first < households; first += AT_ONCE) {
      signal.throwIfAborted();
      const numbers = Array.from({ length: Math.min(AT_ONCE, households - first) }, (_, i) => first + i);
      const filled = await Promise.all(numbers.map((number) => fillHousehold({ database, keys, sealedKey }, number, options)));
      for (const [i, household] of filled.entries()) if (first + i >= given.length * every) given.push(household);
    }
  } finally {
    await database.close();
    masterKey.erase();
  }
  return { idServer, households: given };
}

interface Shelves {
  readonly database: Database;
  readonly keys: EuKeyStore;
  sealedKey(pnId: PnId): Uint8Array;
}

async function fillHousehold(
  { database, keys, sealedKey }: Shelves,
  number: number,
  { pnesPerHousehold }: FillOptions,
): Promise<HouseholdKeys> {
  const user = userId(`user-${number}`);
  const gateway = drawn(keys, `gw-${number}`);
  const pnes = Array.from({ length: pnesPerHousehold }, (_, i) => drawn(keys, `pne-${number}-${i}`));
  const pnId = toHex(systemEntropy.bytes(16)) as PnId;
  await database.transact((tx) => {
    tx.users.add(user, { services: [PN_GW_SERVICE], chargeable: false });
    for (const { id, row } of [gateway, ...pnes]) {
      tx.devices.add(id, user);
      tx.keys.addEuKey(row);
    }
    tx.devices.authenticated(gateway.id);
    for (const { id } of pnes) tx.devices.registered(id, capabilities);
    tx.pns.create({
      pnId,
      gateway: gateway.id,
      initiator: (pnes[0] ?? gateway).id,
      shareMembers: true,
      sealedKey: sealedKey(pnId),
      members: pnes.map(({ id }) => ({ entityId: id, contents: undefined })),
    });
    for (const { id } of pnes) tx.pns.setMemberState(pnId, id, PneState.Member);
  });
  return { gateway: gateway.key, pnes: pnes.map(({ key }) => key) };
}

function drawn(keys: EuKeyStore, name: string) {
  const id = entityId(name);
  const { euKey, row } = keys.create(id);
  const key: DeviceKey = { id, euKey: toHex(euKey.reveal()) };
  euKey.erase();
  return { id, row, key };
}

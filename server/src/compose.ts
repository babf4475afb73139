import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CpnsError, describeError, type Logger, type ServerId, serverId } from '@cpns/shared';
import { nativeProvider, ProcessLock, requirePrivate, SystemClock, systemEntropy } from '@cpns/shared/node';
import { announceServer } from './announcement.js';
import { InventoryAdmin } from './api/admin.js';
import { readAdminToken } from './api/admin-access.js';
import { AdminServer } from './api/admin-server.js';
import type { BrokerAddress } from './broker/broker.js';
import { EmbeddedBroker } from './broker/embedded-broker.js';
import type { Settings } from './config/settings.js';
import { createEnabler } from './enabler/enabler.js';
import { raiseGroups } from './enabler/groups/change.js';
import { newPnKey } from './enabler/pn-key.js';
import { openDatabase } from './inventory/open-database.js';
import { EuKeyStore } from './keys/eukey-store.js';
import { loadMasterKey } from './keys/master-key.js';
import { sealerFor } from './keys/sealer.js';
import { openServerIdentity } from './keys/server-identity.js';
import { publicAddress } from './public-address.js';

export interface ServerOptions {
  readonly settings: Settings;
  /** Made by `cpns-server init`. */
  readonly stateDirectory: string;
  readonly logger: Logger;
  /** `$CREDENTIALS_DIRECTORY`, where systemd puts the master key if it was told to. */
  readonly credentialsDirectory?: string | undefined;
  /** The state directory comes from a backup: every version and key epoch is raised beyond what devices may have seen. */
  readonly restored?: boolean;
}

/** What versions and epochs are raised by after a restore (security 1.8). */
const AFTER_RESTORE = 2 ** 32;

/** A server that runs. */
export interface Server {
  readonly serverId: ServerId;
  /** Where devices connect. */
  readonly uplink: BrokerAddress;
  /** What enrolment codes say, `HOST:PORT`. */
  readonly publicAddress: string;
  /** Base URL of the admin API. */
  readonly adminUrl: string;
  /** Lets devices go, finishes what was begun and closes the state. Harmless when repeated. */
  stop(): Promise<void>;
}

/** What has been opened, to be closed in the opposite order whatever happens. */
class Opened {
  readonly #logger: Logger;
  readonly #closers: (() => void | Promise<void>)[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  async closeAll(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        this.#logger.warn('Something could not be closed in order.', { cause: describeError(error) });
      }
    }
  }
}

/**
 * Starts a server on an initialised state directory; the only place where its parts meet.
 * @throws CpnsError State/NotInitialised, Config/UnsafePermissions, State/AlreadyRunning, State/DiskFull, Config/AddressInUse and the other errors of its parts;
 * nothing stays open then
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const opened = new Opened(options.logger);
  try {
    return await open(options, opened);
  } catch (error) {
    await opened.closeAll();
    throw error;
  }
}

async function open({ settings, stateDirectory, logger, credentialsDirectory, restored }: ServerOptions, opened: Opened): Promise<Server> {
  const clock = new SystemClock();
  const [entropy, provider] = [systemEntropy, nativeProvider];

  const stats = await stat(stateDirectory).catch(() => undefined);
  if (stats !== undefined) requirePrivate(stateDirectory, stats);
  const masterKey = await loadMasterKey(stateDirectory, credentialsDirectory);
  opened.add(() => masterKey.erase());
  const token = await readAdminToken(stateDirectory);
  const lock = await ProcessLock.acquire(join(stateDirectory, 'lock'));
  opened.add(() => lock.release());

  const inventory = openDatabase({
    path: join(stateDirectory, settings.database.file),
    grouped: settings.database.groupCommit,
    limits: { ...settings.limits, answersKeptMs: settings.sessions.answersKeptMs },
    clock,
    entropy,
    logger: logger.child('inventory'),
  });
  opened.add(() => inventory.close());

  const sealer = (purpose: Parameters<typeof sealerFor>[2]) => sealerFor(provider, masterKey, purpose);
  const identity = openServerIdentity({
    rows: inventory.keys,
    sealer: sealer('signing-key'),
    serverId: ownId(settings, stateDirectory),
    provider,
    entropy,
  });
  const [pnKeys, groupKeys] = [sealer('pn-key'), sealer('group-key')];
  if (restored) {
    await inventory.transact((tx) => {
      tx.pns.raiseAll(AFTER_RESTORE, (pnId, epoch) => newPnKey({ entropy, pnKeys }, pnId, epoch));
      raiseGroups({ provider, entropy, groupKeys }, tx, AFTER_RESTORE);
    });
    logger.notice('Every inventory version, PN key epoch and Group Key epoch was raised after the restore.');
  }
  const keys = new EuKeyStore({
    rows: inventory.keys,
    sealer: sealer('eukey'),
    cachedRoots: settings.sessions.cachedKeys,
    provider,
    entropy,
  });

  const broker = new EmbeddedBroker({ settings: settings.uplink, directory: keys, clock, entropy, logger: logger.child('broker') });
  const enabler = createEnabler({
    inventory,
    keys,
    pnKeys,
    groupKeys,
    broker,
    identity,
    clock,
    entropy,
    provider,
    logger: logger.child('enabler'),
    settings,
  });
  opened.add(() => enabler.stop());
  enabler.start();
  opened.add(() => broker.stop());
  const uplink = await broker.start(enabler);

  const address = () => publicAddress(settings.uplink.publicAddress, uplink);
  const admin = new AdminServer({
    settings: settings.admin,
    admin: new InventoryAdmin({ inventory, keys, enabler, broker, provider, clock, serverId: identity.serverId, publicAddress: address }),
    token,
    stateDirectory,
    brokerStats: () => broker.stats(),
    problems: () => (inventory.problem === undefined ? [] : [inventory.problem]),
    clock,
    logger: logger.child('admin'),
  });
  opened.add(() => admin.stop());
  const adminUrl = await admin.start();

  if (settings.uplink.announce) {
    opened.add(
      await announceServer({ serverId: identity.serverId, address: uplink, clock, entropy, logger: logger.child('announcement') }),
    );
  }
  return { serverId: identity.serverId, uplink, publicAddress: address(), adminUrl, stop: () => opened.closeAll() };
}

function ownId(settings: Settings, stateDirectory: string): ServerId {
  if (settings.server.id !== undefined) return serverId(settings.server.id);
  throw new CpnsError(
    'State',
    'NotInitialised',
    `The server in ${stateDirectory} has no name: set server.id, or begin with "cpns-server init".`,
  );
}

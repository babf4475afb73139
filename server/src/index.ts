/**
 * The CPNS Server as a library: the whole of it, its parts without sockets, for rigs that play whole networks in one process, and the
 * client of the admin API.
 */
export { announceServer } from './announcement.js';
export { InventoryAdmin } from './api/admin.js';
export { ensureAdminToken } from './api/admin-access.js';
export type { Admin, DeviceView, Enrolment, NewDevice, PnView, WatchItem } from './api/admin-port.js';
export { AdminServer } from './api/admin-server.js';
export type { EnablerControl } from './api/enabler-control.js';
export type { Broker, BrokerHandler } from './broker/broker.js';
export { EmbeddedBroker } from './broker/embedded-broker.js';
export { FrameGuard } from './broker/frame-guard.js';
export { AdminClient, type AskServer, type WatchOptions } from './cli/admin-client.js';
export { type Server, startServer } from './compose.js';
export { defaultSettings, settingsTable } from './config/settings.js';
export { createEnabler, type Enabler } from './enabler/enabler.js';
export { withTree } from './enabler/groups/tree.js';
export type { Database } from './inventory/database.js';
export { openDatabase } from './inventory/open-database.js';
export { EuKeyStore } from './keys/eukey-store.js';
export { createMasterKey, loadMasterKey } from './keys/master-key.js';
export { sealerFor } from './keys/sealer.js';
export { openServerIdentity, type ServerIdentity } from './keys/server-identity.js';

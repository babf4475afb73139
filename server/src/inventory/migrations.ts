import { CpnsError } from '@cpns/shared';
import type { Sqlite } from './sqlite.js';

/** `CPNS`, in the header of the file: another program's database is never touched. */
const APPLICATION_ID = 0x43504e53;

/** One step from a version of the tables to the next. A step that has been published is never changed again. */
export interface Migration {
  readonly number: number;
  readonly sql: string;
}

/** All steps. The number of the last one that ran is the file's `user_version`. */
export const migrations: readonly Migration[] = [
  {
    number: 1,
    sql: `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  user_id TEXT PRIMARY KEY,
  added_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
  subscription_id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  services TEXT NOT NULL CHECK (json_valid(services)),
  chargeable INTEGER NOT NULL CHECK (chargeable IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_by_user ON subscriptions (user_id);

CREATE TABLE devices (
  id INTEGER PRIMARY KEY,
  entity_id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users,
  revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1)),
  cpns_id TEXT UNIQUE,
  capabilities BLOB,
  last_seen_ms INTEGER,
  authenticated_ms INTEGER,
  added_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_by_user ON devices (user_id, revoked, entity_id);
CREATE INDEX devices_gateways ON devices (entity_id) WHERE authenticated_ms IS NOT NULL;

CREATE TABLE eukeys (
  kid TEXT PRIMARY KEY,
  entity_id TEXT NOT NULL,
  sealed BLOB NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX eukeys_active ON eukeys (entity_id) WHERE active = 1;

CREATE TABLE server_identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  server_id TEXT NOT NULL,
  signing_key_id INTEGER NOT NULL,
  sealed_seed BLOB NOT NULL
) STRICT;

CREATE TABLE pns (
  pn_id BLOB NOT NULL UNIQUE CHECK (length(pn_id) = 16),
  gateway TEXT NOT NULL REFERENCES devices (entity_id),
  initiator TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('Established', 'Suspended')),
  share_members INTEGER NOT NULL CHECK (share_members IN (0, 1)),
  version INTEGER NOT NULL CHECK (version > 0),
  key_epoch INTEGER NOT NULL CHECK (key_epoch > 0),
  sealed_key BLOB NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX pns_by_gateway ON pns (gateway);
CREATE INDEX pns_by_state ON pns (state);

CREATE TABLE pn_members (
  pn_id BLOB NOT NULL REFERENCES pns (pn_id) ON DELETE CASCADE,
  entity_id TEXT NOT NULL REFERENCES devices (entity_id),
  state INTEGER NOT NULL,
  contents BLOB,
  authenticated_ms INTEGER NOT NULL,
  authenticated_running INTEGER NOT NULL,
  PRIMARY KEY (pn_id, entity_id)
) STRICT;
CREATE INDEX pn_members_by_entity ON pn_members (entity_id);
CREATE INDEX pn_members_unconfirmed ON pn_members (authenticated_running) WHERE state = 3;

CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  sender TEXT NOT NULL,
  acted_for TEXT NOT NULL,
  txn BLOB NOT NULL CHECK (length(txn) = 16),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  answer BLOB NOT NULL,
  filed_running INTEGER NOT NULL,
  UNIQUE (sender, acted_for, txn)
) STRICT;

CREATE TABLE inbox_rands (
  id INTEGER PRIMARY KEY,
  rand_pne BLOB NOT NULL UNIQUE CHECK (length(rand_pne) = 32),
  sender TEXT NOT NULL,
  acted_for TEXT NOT NULL,
  txn BLOB NOT NULL,
  filed_running INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  entity_id TEXT NOT NULL,
  pn_id BLOB CHECK (pn_id IS NULL OR length(pn_id) = 16),
  number INTEGER NOT NULL,
  txn BLOB NOT NULL CHECK (length(txn) = 16),
  octets BLOB NOT NULL,
  size INTEGER NOT NULL,
  created_running INTEGER NOT NULL,
  UNIQUE (entity_id, txn)
) STRICT;
CREATE INDEX outbox_by_entity ON outbox (entity_id, id, size);
CREATE INDEX outbox_by_pn ON outbox (pn_id) WHERE pn_id IS NOT NULL;

CREATE TABLE received_data (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sender TEXT NOT NULL,
  message_id BLOB NOT NULL CHECK (length(message_id) = 16),
  channel TEXT NOT NULL,
  content_type TEXT NOT NULL,
  payload BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  received_running INTEGER NOT NULL,
  UNIQUE (sender, message_id)
) STRICT;
CREATE INDEX received_data_by_sender ON received_data (sender, id);

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT NOT NULL,
  text TEXT NOT NULL,
  entity_id TEXT,
  pn_id BLOB,
  at_ms INTEGER NOT NULL
) STRICT;
`,
  },
  { number: 2, sql: 'CREATE INDEX pn_members_pending ON pn_members (authenticated_running) WHERE state = 2;' },
  {
    number: 3,
    sql: `
CREATE TABLE charging (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  pne TEXT NOT NULL,
  user_id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  pn_id BLOB NOT NULL,
  gateway TEXT NOT NULL,
  gateway_user TEXT NOT NULL,
  service TEXT NOT NULL,
  result TEXT NOT NULL
) STRICT;
`,
  },
  {
    number: 4,
    sql: `
ALTER TABLE users ADD COLUMN guests TEXT NOT NULL DEFAULT 'ask' CHECK (guests IN ('ask', 'invited', 'never'));
ALTER TABLE users ADD COLUMN charge_elsewhere TEXT NOT NULL DEFAULT 'ask' CHECK (charge_elsewhere IN ('ask', 'never'));

CREATE TABLE open_invitations (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
  guest_device TEXT REFERENCES devices (entity_id) ON DELETE CASCADE,
  guest_user TEXT REFERENCES users (user_id) ON DELETE CASCADE,
  pn_id BLOB REFERENCES pns (pn_id) ON DELETE CASCADE,
  until_ms INTEGER,
  until_running INTEGER,
  CHECK ((guest_device IS NULL) <> (guest_user IS NULL)),
  CHECK ((until_ms IS NULL) = (until_running IS NULL))
) STRICT;
CREATE INDEX open_invitations_by_host ON open_invitations (host);
CREATE INDEX open_invitations_by_device ON open_invitations (guest_device) WHERE guest_device IS NOT NULL;
CREATE INDEX open_invitations_by_user ON open_invitations (guest_user) WHERE guest_user IS NOT NULL;
CREATE INDEX open_invitations_by_pn ON open_invitations (pn_id) WHERE pn_id IS NOT NULL;
`,
  },
  {
    number: 5,
    sql: `
ALTER TABLE outbox ADD COLUMN topic BLOB;

CREATE TABLE sgs (
  id INTEGER PRIMARY KEY,
  sg_id BLOB NOT NULL UNIQUE CHECK (length(sg_id) = 16),
  name TEXT NOT NULL,
  owner TEXT REFERENCES devices (entity_id),
  owner_user TEXT NOT NULL,
  service_id TEXT,
  open INTEGER NOT NULL CHECK (open IN (0, 1)),
  epoch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  height INTEGER NOT NULL,
  member_count INTEGER NOT NULL,
  keyed_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sgs_by_owner ON sgs (owner);
CREATE INDEX sgs_open ON sgs (name) WHERE open = 1;
CREATE INDEX sgs_by_age_of_key ON sgs (keyed_ms);

-- A PN cannot go while anybody is in a group through it.
CREATE TABLE sg_members (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  leaf INTEGER NOT NULL,
  entity_id TEXT NOT NULL REFERENCES devices (entity_id),
  pn_id BLOB REFERENCES pns (pn_id),
  gateway TEXT NOT NULL REFERENCES devices (entity_id),
  joined_ms INTEGER NOT NULL,
  PRIMARY KEY (sg, leaf)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sg_members_by_entity ON sg_members (entity_id, sg);
CREATE INDEX sg_members_by_pn ON sg_members (pn_id) WHERE pn_id IS NOT NULL;
CREATE INDEX sg_members_by_gateway ON sg_members (gateway, sg);

CREATE TABLE sg_gateways (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  gateway TEXT NOT NULL,
  members INTEGER NOT NULL CHECK (members >= 0),
  PRIMARY KEY (sg, gateway)
) STRICT, WITHOUT ROWID;

CREATE TABLE sg_objects (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  object_id TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  holder TEXT NOT NULL,
  members TEXT CHECK (members IS NULL OR json_valid(members)),
  until_ms INTEGER,
  until_running INTEGER,
  PRIMARY KEY (sg, object_id),
  CHECK ((until_ms IS NULL) = (until_running IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE sg_nodes (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  node INTEGER NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  sealed BLOB,
  PRIMARY KEY (sg, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX sg_nodes_free_leaves ON sg_nodes (sg, node) WHERE sealed IS NULL AND node < 16777216;
`,
  },
  {
    number: 6,
    sql: `
-- Devices that were expelled and have not come back: they do so only with the owner's word.
CREATE TABLE sg_expelled (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  entity_id TEXT NOT NULL,
  PRIMARY KEY (sg, entity_id)
) STRICT, WITHOUT ROWID;
`,
  },
  {
    number: 7,
    sql: `
ALTER TABLE sg_members ADD COLUMN joined_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sg_members ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
UPDATE sg_members SET joined_epoch = (SELECT epoch FROM sgs WHERE id = sg);

-- Messages under way to members that are away: sealed as they came. Ids rise in the order of arrival.
CREATE TABLE sg_kept (
  id INTEGER PRIMARY KEY,
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  header BLOB NOT NULL,
  message BLOB NOT NULL,
  size INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  received_running INTEGER NOT NULL,
  UNIQUE (sg, epoch, header)
) STRICT;
CREATE INDEX sg_kept_sizes ON sg_kept (sg, id, size);
CREATE INDEX sg_kept_by_age ON sg_kept (received_running);

-- Who has not got which. Whoever is out of the group gets nothing of it any more.
CREATE TABLE sg_kept_for (
  sg INTEGER NOT NULL,
  entity_id TEXT NOT NULL,
  kept INTEGER NOT NULL REFERENCES sg_kept (id) ON DELETE CASCADE,
  PRIMARY KEY (sg, entity_id, kept),
  FOREIGN KEY (entity_id, sg) REFERENCES sg_members (entity_id, sg) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX sg_kept_for_by_message ON sg_kept_for (kept);

-- Group Keys of epochs that are over, for as long as messages of them are kept.
CREATE TABLE sg_former_keys (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (sg, epoch)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER sg_kept_delivered AFTER DELETE ON sg_kept_for
WHEN NOT EXISTS (SELECT 1 FROM sg_kept_for WHERE kept = old.kept)
BEGIN DELETE FROM sg_kept WHERE id = old.kept; END;
CREATE TRIGGER sg_former_keys_needless AFTER DELETE ON sg_kept
WHEN NOT EXISTS (SELECT 1 FROM sg_kept WHERE sg = old.sg AND epoch = old.epoch)
BEGIN DELETE FROM sg_former_keys WHERE sg = old.sg AND epoch = old.epoch; END;
`,
  },
  {
    number: 8,
    // Several members may hold the same content.
    sql: `
CREATE TABLE sg_objects_by_holder (
  sg INTEGER NOT NULL REFERENCES sgs (id) ON DELETE CASCADE,
  object_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  members TEXT CHECK (members IS NULL OR json_valid(members)),
  until_ms INTEGER,
  until_running INTEGER,
  PRIMARY KEY (sg, object_id, holder),
  CHECK ((until_ms IS NULL) = (until_running IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO sg_objects_by_holder SELECT sg, object_id, holder, name, type, members, until_ms, until_running FROM sg_objects;
DROP TABLE sg_objects;
ALTER TABLE sg_objects_by_holder RENAME TO sg_objects;
`,
  },
];

/**
 * Brings the tables to the version of this program, each step in one transaction with its number.
 * @throws CpnsError Config/DatabaseForeign, Config/DatabaseTooNew
 */
export function migrate(sqlite: Sqlite, steps: readonly Migration[] = migrations): void {
  const application = sqlite.pragma('application_id');
  const version = sqlite.pragma('user_version');
  if (application !== APPLICATION_ID && !(application === 0 && version === 0 && isEmpty(sqlite))) {
    throw new CpnsError('Config', 'DatabaseForeign', `${sqlite.path} belongs to another program: choose another database file.`);
  }
  const newest = steps.at(-1)?.number ?? 0;
  if (version > newest) {
    throw new CpnsError(
      'Config',
      'DatabaseTooNew',
      `${sqlite.path} was written by a newer cpns-server (tables ${version}, this one knows ${newest}): install the newer one again.`,
    );
  }
  for (const { number, sql } of steps) {
    if (number <= version) continue;
    sqlite.alone(() => {
      sqlite.script(sql);
      sqlite.script(`PRAGMA user_version = ${number}; PRAGMA application_id = ${APPLICATION_ID}`);
    });
  }
}

function isEmpty(sqlite: Sqlite): boolean {
  return sqlite.get('SELECT 1 FROM sqlite_schema LIMIT 1') === undefined;
}

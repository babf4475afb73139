import type { Clock, CryptoProvider, EntityId, Entropy, Logger, PnId, Serial, ServerId, SgId } from '@cpns/shared';
import type { ApplicationData } from '@cpns/shared/messages';
import type { ConsentDesk } from '../consent-desk.js';
import type { ContentSource } from '../content-source.js';
import type { Happening } from '../device-context.js';
import type { DeviceState } from '../device-state.js';
import type { ServerChannel } from '../server-channel.js';
import type { GroupBook } from './group-book.js';
import type { GroupKeys } from './group-keys.js';
import type { GroupTalk } from './group-talk.js';
import type { GroupUpkeep } from './group-upkeep.js';

/** What a member of service groups works with, as PNE and as PN GW alike. */
export interface GroupContext {
  readonly self: EntityId;
  readonly idServer: ServerId;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  /** Where a person is asked. */
  readonly desk: ConsentDesk;
  readonly book: GroupBook;
  readonly keys: GroupKeys;
  readonly upkeep: GroupUpkeep;
  readonly talk: GroupTalk;
  /** What this device offers. */
  readonly contents: ContentSource;
  /** What is stored for one group happens in the order of arrival. */
  readonly settling: Serial<SgId>;
  /** The session with the server for a PN, or the PN GW's own, when it can be used now. */
  session(pnId: PnId | undefined): ServerChannel | undefined;
  happened(what: Happening): void;
  /** A message from whom it says; `sentMs`: when the server got it, where it comes late. Durable when it resolves. @throws CpnsError State/DiskFull */
  received(message: ApplicationData, pnId: PnId | undefined, sentMs?: number): Promise<void>;
}

import type { ConsentControl } from './api/consent.js';
import type { ContentsControl } from './api/contents.js';
import type { DoctorControl } from './api/doctor.js';
import type { EntryControl } from './api/entry.js';
import type { GroupsControl } from './api/groups.js';
import type { LifecycleControl } from './api/lifecycle.js';
import type { LogsControl } from './api/logs.js';
import type { MessagesControl } from './api/messages.js';
import type { NetworksControl } from './api/networks.js';
import type { PairingControl } from './api/pairing.js';
import type { PeersControl } from './api/peers.js';
import type { StatusControl } from './api/status.js';

/**
 * What a person can see of an agent and make it do: the contract between the agent and everything that stands in front of it
 * (command line, local pages, rigs). Parameters are checked before they arrive here; results and events are plain JSON. Every method
 * fails with a CpnsError, whose sentence is shown to the person and whose code and exit code reach scripts.
 */
export interface AgentControl
  extends StatusControl,
    PairingControl,
    PeersControl,
    ConsentControl,
    NetworksControl,
    EntryControl,
    GroupsControl,
    MessagesControl,
    ContentsControl,
    LogsControl,
    DoctorControl,
    LifecycleControl {}

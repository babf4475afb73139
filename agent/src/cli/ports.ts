import type { EntityId, KeyId, ServerId, UserId } from '@cpns/shared';
import type { Settings } from '../config/settings.js';
import type { ResetParams, ResetResult } from '../control/api/lifecycle.js';
import type { Reachability } from '../entity/uplink-port.js';

/** Which agent a command is about. */
export interface AgentPlace {
  readonly stateDirectory: string;
  readonly settings: Settings;
}

/** Who a device is after enrolment. Holds no key. */
export interface EnrolmentSummary {
  readonly id: EntityId;
  readonly serverId: ServerId;
  /** `host:port` that came with the code; absent: it is looked for. */
  readonly serverAddress?: string;
  readonly kid: KeyId;
  readonly userId: UserId;
  /** The subscription allows this device to be PN GW. */
  readonly mayBeGateway: boolean;
}

export interface RunningAgent {
  readonly id: EntityId;
  readonly name: string;
  /** Where the control API listens. */
  readonly controlPath: string;
}

/** What the command line needs of an agent that does not run; made where ports meet adapters. */
export interface AgentPorts {
  /**
   * Takes an enrolment code in. `code` is text from outside, as it was typed.
   * @throws CpnsError as `decodeEnrolment`, State/AlreadyEnrolled unless `replace`, State/AlreadyRunning
   */
  enrol(place: AgentPlace, code: string, replace: boolean): Promise<EnrolmentSummary>;
  /**
   * Runs the agent until `signal` fires or it is told to stop. `ready` is called once the control API answers.
   * @throws CpnsError State/NotEnrolled, State/AlreadyRunning, Config
   */
  run(place: AgentPlace, ready: (agent: RunningAgent) => void, signal: AbortSignal): Promise<void>;
  /** As the control API's `reset`, for an agent that does not run. @throws CpnsError State/AlreadyRunning */
  reset(place: AgentPlace, params: ResetParams): Promise<ResetResult>;
  /** For `doctor`: who the device is and whether the server answers it. @throws CpnsError State, Config */
  inspect(place: AgentPlace): Promise<{
    readonly enrolment: EnrolmentSummary | undefined;
    readonly probe: ((signal: AbortSignal) => Promise<Reachability>) | undefined;
  }>;
}

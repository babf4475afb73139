import type { ControlEvent, ControlMethod, ControlParams, ControlResult, RequestOptions } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import type { AgentProcess } from '../processes/agent-process.js';
import type { Profile } from '../scenarios/profiles.js';
import { type Cable, NO_CABLE } from './cable.js';
import type { Received } from './received.js';
import type { DeviceHandle } from './rig.js';
import type { DeviceRadio } from './stage-radios.js';

/** A device of a stage whose agent is a process. */
export class ProcessDevice implements DeviceHandle {
  readonly #agent: AgentProcess;
  readonly #config: (profile: Profile) => object;
  readonly #cable: Cable;
  readonly adapter?: DeviceRadio;

  constructor(agent: AgentProcess, config: (profile: Profile) => object, cable: Cable = NO_CABLE, radio?: DeviceRadio) {
    if (radio !== undefined) this.adapter = radio;
    this.#agent = agent;
    this.#config = config;
    this.#cable = cable;
  }

  get id(): EntityId {
    return this.#agent.id;
  }
  get heard(): readonly ControlEvent<'watch'>[] {
    return this.#agent.heard;
  }
  get received(): readonly Received[] {
    return this.#agent.log.received;
  }
  request<M extends ControlMethod>(method: M, params: ControlParams<M>, options?: RequestOptions<M>): Promise<ControlResult<M>> {
    return this.#agent.request(method, params, options);
  }
  start = () => this.#agent.start();
  stop = () => this.#agent.stop();
  kill = () => this.#agent.kill();
  become = (profile: Profile) => this.#agent.configure(this.#config(profile));
  unplug = async () => this.#cable.unplug();
  plug = async () => this.#cable.plug();
  jam = async () => this.adapter?.jam();
  unjam = async () => this.adapter?.unjam();
}

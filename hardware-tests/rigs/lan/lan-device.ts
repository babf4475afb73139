import type { ControlEvent, ControlMethod, ControlParams, ControlResult, RequestOptions } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import type { AgentProcess } from '../../processes/agent-process.js';
import type { Profile } from '../../scenarios/profiles.js';
import type { DeviceHandle } from '../rig.js';
import type { Host } from './lan-network.js';

/** A device of a LAN stage: an agent's process on a host of its own. */
export class LanDevice implements DeviceHandle {
  readonly #agent: AgentProcess;
  readonly #host: Host;
  readonly #config: (profile: Profile) => object;

  constructor(agent: AgentProcess, host: Host, config: (profile: Profile) => object) {
    this.#agent = agent;
    this.#host = host;
    this.#config = config;
  }

  get id(): EntityId {
    return this.#agent.id;
  }
  get heard(): readonly ControlEvent<'watch'>[] {
    return this.#agent.heard;
  }
  request<M extends ControlMethod>(method: M, params: ControlParams<M>, options?: RequestOptions<M>): Promise<ControlResult<M>> {
    return this.#agent.request(method, params, options);
  }
  start = () => this.#agent.start();
  stop = () => this.#agent.stop();
  kill = () => this.#agent.kill();
  become = (profile: Profile) => this.#agent.configure(this.#config(profile));
  unplug = async () => this.#host.unplug();
  plug = async () => this.#host.plug();
}

import { CpnsError } from '@cpns/shared';

/** The network cable of a device or a server. */
export interface Cable {
  unplug(): void | Promise<void>;
  plug(): void | Promise<void>;
}

const missing = () => {
  throw new CpnsError('Internal', 'NoCables', 'This rig cannot cut the network of a device.');
};

/** On a rig that offers no `cables`. */
export const NO_CABLE: Cable = { unplug: missing, plug: missing };

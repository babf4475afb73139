import type { EntityId } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import type { SimulatedServer } from '../server.js';
import type { Promised, PromisedOfGroup } from './promises.js';
import type { Witness } from './witness.js';

/** A simulated network that has become quiet, as somebody sees it who can look into every device at once. */
export interface World {
  readonly server: SimulatedServer;
  /** The devices that run. */
  readonly devices: readonly SimulatedDevice[];
  /** Devices as they were before a restart, and those that were switched off for good: what they said and stored counts, too. */
  readonly past?: readonly SimulatedDevice[];
  /** Saw every use of a key, if the parties were given its providers. */
  readonly witness?: Witness;
  /** How often each device was asked to establish. Default: nobody counted. */
  readonly asked?: ReadonlyMap<EntityId, number>;
  /** How often somebody wanted each device in a PN that stood. Default: nobody counted. */
  readonly wanted?: ReadonlyMap<EntityId, number>;
  /** What people were told. Default: nobody listened. */
  readonly promised?: readonly Promised[];
  readonly promisedOfGroups?: readonly PromisedOfGroup[];
  /** What went over links and uplinks, as far as it was kept. */
  readonly carried?: readonly Carried[];
}

/** Octets that somebody between two parties could have kept, or a text that somebody can read. */
export interface Carried {
  readonly where: string;
  readonly octets: Uint8Array | string;
}

/** Something that must hold in every quiet world. */
export interface Invariant {
  readonly name: string;
  /** What is wrong, in sentences. */
  violations(world: World): string[];
}

/** Every device that ever ran in this world. */
export function everybody({ devices, past = [] }: World): readonly SimulatedDevice[] {
  return [...past, ...devices];
}

/**
 * A device that can be told what becomes of the PNs of that gateway. Nobody can tell a revoked one anything that it would believe, and a
 * revoked gateway carries no word of the server; of two devices of which one has ended the pairing while the other could not hear it,
 * neither hears any more of the other.
 */
export function isTold({ server, devices }: World, device: SimulatedDevice, gateway: EntityId): boolean {
  const isActive = (id: EntityId) => server.database.reads.devices.find(id)?.state === 'active';
  if (!isActive(device.id) || !isActive(gateway)) return false;
  const peer = devices.find(({ id }) => id === gateway);
  if (device.id === gateway || peer === undefined) return true;
  return (device.device.state.pairing(gateway) === undefined) === (peer.device.state.pairing(device.id) === undefined);
}

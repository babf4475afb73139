import { abortable, abortReason, CpnsError, type EntityId, type PnId, refused } from '@cpns/shared';
import { isGateway, Mode, Status } from '@cpns/shared/messages';
import type { Gateway } from '../gateway/gateway.js';
import type { Pne } from '../pne/pne.js';
import { type DeviceState, type PnRecord, PnRole, pnIdText } from './device-state.js';
import type { EntityDiscovery } from './discovery.js';
import type { PeerLink } from './peer-link.js';
import type { Peers } from './peers.js';
import type { RoleKeeper } from './role-keeper.js';
import type { Established, Setup, SetupProgress } from './setup.js';

/** A PN that a linked PN GW offers. */
export interface OfferedPn {
  readonly pnId: PnId;
  readonly gateway: EntityId;
  /** This device is in it. */
  readonly isMember: boolean;
}

export interface NetworksOptions {
  readonly self: EntityId;
  readonly state: Pick<DeviceState, 'pn' | 'pns'>;
  readonly discovery: Pick<EntityDiscovery, 'offeredBy'>;
  readonly peers: Pick<Peers, 'linkTo' | 'linked' | 'isAwaited' | 'settled'>;
  readonly roles: Pick<RoleKeeper, 'assignment' | 'capabilitiesOf'>;
  readonly pne: Pne;
  readonly gateway: Gateway;
}

/** What a person asks of personal networks at this device; the role that it has in each decides who does it. */
export class Networks {
  readonly #options: NetworksOptions;

  constructor(options: NetworksOptions) {
    this.#options = options;
  }

  /**
   * Establishes a PN with this device as its initiator, through `gateway` or the assigned one, or as the PN GW that it is.
   * @throws CpnsError State/NoGateway, State/WithWhom, State/OneGatewayOverBluetooth, and as the establish of its role
   */
  async establish(setup: Setup, gateway: EntityId | undefined, progress: SetupProgress, signal: AbortSignal): Promise<Established> {
    const { self, roles, pne, gateway: own } = this.#options;
    if ((gateway ?? roles.assignment.gateway) === self) {
      if (setup.type === 'one-to-one')
        throw new CpnsError('State', 'WithWhom', 'This device is the PN GW: say with whom, by --all or --with DEVICE.');
      return await own.establish(setup, progress, signal);
    }
    return await pne.establish(await this.#linkToGateway(gateway, signal), setup, progress, signal);
  }

  /** PNs of the PN GWs that are linked, asked anew. A PN GW that does not answer offers none. */
  async offered(signal: AbortSignal): Promise<readonly OfferedPn[]> {
    const { peers, roles, discovery } = this.#options;
    const asked = peers.linked.map(async (gateway) => {
      const link = peers.linkTo(gateway);
      if (link === undefined || !isGateway(roles.capabilitiesOf(gateway)?.mode ?? Mode.Unassigned)) return [];
      const pnIds = await discovery.offeredBy(link, signal).catch(() => []);
      return pnIds.map((pnId) => ({ pnId, gateway, isMember: this.#record(pnId) !== undefined }));
    });
    const all = (await Promise.all(asked)).flat();
    if (signal.aborted) throw abortReason(signal);
    return all;
  }

  /** @throws CpnsError State/AlreadyMember, State/NoSuchPn, State/NoGateway, and as the PNE role's join */
  async join(pnId: PnId, gateway: EntityId | undefined, signal: AbortSignal): Promise<PnRecord> {
    return await this.#options.pne.join(await this.#linkForPn(pnId, gateway, signal), pnId, signal);
  }

  /**
   * PNE Registration (seed 001): as a member anew, or as a newcomer. `pnId` undefined: the only one there is.
   * @throws CpnsError State/WhichPn, State/NoSuchPn, State/NoGateway, and as the PNE role's register
   */
  async register(pnId: PnId | undefined, gateway: EntityId | undefined, signal: AbortSignal): Promise<PnRecord> {
    const chosen = pnId ?? this.#onlyOne(await this.offered(signal));
    const through = gateway ?? this.#record(chosen)?.gateway;
    return await this.#options.pne.register(await this.#linkForPn(chosen, through, signal), chosen, signal);
  }

  /**
   * Invites a device into a PN of this one. `pnId` undefined: the only one there is. Resolves with that PN when the device is in it.
   * @throws CpnsError State/WhichPn, State/UnknownPn, State/Refused, Auth/Refused, and as the invite of its role
   */
  async invite(pne: EntityId, pnId: PnId | undefined, signal: AbortSignal): Promise<PnRecord> {
    const { state, self, gateway, pne: own } = this.#options;
    const chosen = pnId ?? this.#onlyOne(state.pns().map((record) => ({ pnId: pnIdText(record.pnId) })));
    const record = this.#record(chosen);
    if (record === undefined)
      throw new CpnsError('State', 'UnknownPn', `This device is not in personal network ${chosen}; see: cpns-agent pn show`);
    if (pne === self) throw new CpnsError('State', 'AlreadyMember', 'That is this device, which is in the personal network already.');
    if (record.role === PnRole.PnGw) {
      const status = await gateway.invite(chosen, pne, signal);
      if (status !== Status.Success) throw refused(status, `The invitation of ${pne}`);
    } else {
      await abortable(own.invite(chosen, pne), signal);
    }
    return this.#record(chosen) ?? record;
  }

  #record(pnId: PnId): PnRecord | undefined {
    return this.#options.state.pn(pnId);
  }

  /** @throws CpnsError State/WhichPn */
  #onlyOne(pns: readonly { readonly pnId: PnId }[]): PnId {
    const [first, second] = pns;
    if (first !== undefined && second === undefined) return first.pnId;
    const why = first === undefined ? 'There is no personal network' : 'There are several personal networks';
    throw new CpnsError('State', 'WhichPn', `${why}: say which; see "cpns-agent pn list" and "cpns-agent pn show".`);
  }

  /** The PN GW that offers that PN, or the named one. @throws CpnsError State/NoSuchPn, State/NoGateway */
  async #linkForPn(pnId: PnId, gateway: EntityId | undefined, signal: AbortSignal): Promise<PeerLink> {
    if (gateway !== undefined) return await this.#linkToGateway(gateway, signal);
    const offered = (await this.offered(signal)).find((pn) => pn.pnId === pnId);
    if (offered !== undefined) return await this.#linkToGateway(offered.gateway, signal);
    throw new CpnsError('State', 'NoSuchPn', `No linked PN GW offers a personal network ${pnId}; see "cpns-agent pn list".`);
  }

  /** Leaves a PN as its PNE. @throws CpnsError State/WhichPn, State/UnknownPn, and as the PNE role's leave */
  async leave(pnId: PnId | undefined): Promise<PnId> {
    const { id } = this.#pnFor(pnId, PnRole.Pne);
    await this.#options.pne.leave(id);
    return id;
  }

  /**
   * Takes a PNE out of a PN of this PN GW. `answered` false: it is out here, and at the server as soon as that is back.
   * @throws CpnsError State/WhichPn, State/UnknownPn, State/UnknownPne, State/DiskFull
   */
  async expel(pne: EntityId, pnId: PnId | undefined): Promise<{ readonly pnId: PnId; readonly answered: boolean }> {
    const { id } = this.#pnFor(pnId, PnRole.PnGw, pne);
    return { pnId: id, answered: await this.#options.gateway.expel(id, pne) };
  }

  /** Ends a PN for everybody. @throws CpnsError State/WhichPn, State/UnknownPn, and as the role's release */
  async release(pnId: PnId | undefined): Promise<PnId> {
    const { id, role } = this.#pnFor(pnId);
    await (role === PnRole.PnGw ? this.#options.gateway : this.#options.pne).release(id);
    return id;
  }

  /** The PN that is meant: the named one, or the only one in which this device has that role, with that member. */
  #pnFor(pnId: PnId | undefined, wanted?: PnRecord['role'], pne?: EntityId): { readonly id: PnId; readonly role: PnRecord['role'] } {
    const fitting = this.#options.state
      .pns()
      .filter(({ role }) => wanted === undefined || role === wanted)
      .map(({ pnId: octets, role, members }) => ({ id: pnIdText(octets), role, members }))
      .filter(({ id, members }) =>
        pnId === undefined ? pne === undefined || members.some(({ entityId, gateway }) => entityId === pne && !gateway) : id === pnId,
      );
    const [found, another] = fitting;
    if (found !== undefined && another === undefined) return found;
    if (found !== undefined) throw new CpnsError('State', 'WhichPn', 'That may be one of several personal networks: name one by its ID.');
    const role = wanted === undefined ? 'in' : wanted === PnRole.Pne ? 'a PNE of' : 'the PN GW of';
    const what = pnId === undefined ? `any personal network${pne === undefined ? '' : ` with ${pne} in it`}` : `personal network ${pnId}`;
    throw new CpnsError('State', 'UnknownPn', `This device is not ${role} ${what}: see "cpns-agent pn show".`);
  }

  /** The link to `gateway`, or to the assigned one. @throws CpnsError State/NoGateway, State/OneGatewayOverBluetooth */
  async #linkToGateway(gateway: EntityId | undefined, signal: AbortSignal): Promise<PeerLink> {
    const { peers, roles } = this.#options;
    const id = gateway ?? roles.assignment.gateway;
    if (id !== undefined && peers.isAwaited(id)) await peers.settled(id, signal);
    const link = id && peers.linkTo(id);
    if (link) return link;
    if (id !== undefined) this.#refuseSecondOverBluetooth(id);
    throw new CpnsError(
      'State',
      'NoGateway',
      `No PN GW is linked: ${roles.assignment.reason} Pair this device with one that reaches the server.`,
    );
  }

  /** @throws CpnsError State/OneGatewayOverBluetooth */
  #refuseSecondOverBluetooth(wanted: EntityId): void {
    const { peers, roles } = this.#options;
    const isGatewayOverBluetooth = (id: EntityId) =>
      peers.linkTo(id)?.technology === 'ble' && isGateway(roles.capabilitiesOf(id)?.mode ?? Mode.Unassigned);
    const taken = peers.linked.find(isGatewayOverBluetooth);
    if (taken === undefined) return;
    throw new CpnsError(
      'State',
      'OneGatewayOverBluetooth',
      `Over Bluetooth a device has a link with one PN GW at a time, and this one has it with ${taken}: reach ${wanted} over the local network, or add a second Bluetooth adapter.`,
    );
  }
}

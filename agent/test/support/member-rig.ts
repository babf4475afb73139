import { CpnsError, entityId, type PnId, refused, serverId } from '@cpns/shared';
import {
  type AnyMessage,
  type ApplicationData,
  type BodyOf,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  type GroupInfo,
  groupKeyAck,
  groupKeyResyncRequest,
  groupKeyResyncResponse,
  Status,
  type sgData,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
} from '@cpns/shared/messages';
import { KeyTree, nobleProvider, type SignedRekeyPart, signedRekeyParts } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, MemoryNodeStore, MemoryStore, VirtualClock } from '@cpns/shared/testing';
import { ConsentDesk } from '../../src/entity/consent-desk.js';
import { type ContentSource, nothingOffered } from '../../src/entity/content-source.js';
import type { Happening } from '../../src/entity/device-context.js';
import { type Changes, DeviceState, pnIdText, sgIdText } from '../../src/entity/device-state.js';
import { Groups } from '../../src/entity/groups/groups.js';
import type { ServerChannel } from '../../src/entity/server-channel.js';

export const SG = new Uint8Array(16).fill(9);
export const SG_ID = sgIdText(SG);
export const PN = new Uint8Array(16).fill(7);
export const PN_ID = pnIdText(PN);
export const idServer = serverId('server.example');
const provider = nobleProvider;
const seed = new Uint8Array(32).fill(4);
export const sign = provider.ed25519Signer(seed);
const serverKeys = [{ keyId: 1, ed25519: provider.ed25519Public(seed) }];

/** The server's side of one group: its key tree, and what it sends of it. */
export class GroupAtServer {
  readonly tree = new KeyTree(SG, new MemoryNodeStore(), { provider, entropy: new InsecureSeededEntropy('tree') });
  readonly leaves = new Map<string, number>();
  epoch = 0n;
  info: GroupInfo = { sgId: SG, name: 'kitchen', owner: entityId('phone'), members: [], epoch: 0 };

  /** Those come in and those go, in one epoch. */
  change(add: readonly string[], remove: readonly string[] = [], graceMs = 0): SignedRekeyPart[] {
    const leaves = remove.map((name) => this.leaves.get(name) as number);
    const { records, joined } = this.tree.change(++this.epoch, { joins: add.length, leaves });
    for (const name of remove) this.leaves.delete(name);
    for (const [i, name] of add.entries()) this.leaves.set(name, joined[i] as number);
    const members = [...this.leaves.keys()].map(entityId);
    this.info = { ...this.info, members, epoch: Number(this.epoch) };
    return this.#signed(records, graceMs);
  }

  rotate(graceMs = 60_000): SignedRekeyPart[] {
    return this.#signed(this.tree.rotate(++this.epoch).records, graceMs);
  }

  resync(name: string): BodyOf<typeof groupKeyResyncResponse> {
    const leaf = this.leaves.get(name);
    if (leaf === undefined) return { status: Status.NotMember, sgId: SG };
    const { leafKey, records } = this.tree.resync(this.epoch, leaf);
    const [part] = this.#signed(records, 0);
    return { status: Status.Success, sgId: SG, leaf, leafKey: leafKey.reveal().slice(), ...(part as SignedRekeyPart) };
  }

  #signed(records: Parameters<typeof signedRekeyParts>[1], graceMs: number): SignedRekeyPart[] {
    return signedRekeyParts({ idServer, sgId: SG, epoch: this.epoch, keyId: 1, switchAfterMs: 0, graceMs }, records, sign);
  }
}

/** A device of which only its groups are real, with a server that answers from `group`. */
export class MemberRig {
  readonly store: MemoryStore;
  readonly state: DeviceState;
  readonly logger = new MemoryLogger();
  readonly happenings: Happening[] = [];
  readonly received: ApplicationData[] = [];
  /** When the server got each of them, where it came late. */
  readonly sentMs: (number | undefined)[] = [];
  /** What it sent to its PN GW. */
  readonly carried: BodyOf<typeof sgData>[] = [];
  /** Requests and notices to the server, oldest first. */
  readonly asked: { readonly type: AnyMessage; readonly body: unknown }[] = [];
  readonly groups: Groups;
  readonly desk: ConsentDesk;
  /** How often what waits to be sent was told that it may try again. */
  releases = 0;
  /** What it offers. */
  contents: ContentSource = nothingOffered;
  /** Nothing more can be stored. */
  diskFull = false;
  /** A session with the server stands. */
  connected = true;
  /** It is a PN GW. */
  hasOwnSession = true;
  /** What the server answers to a search, if that is not the group. */
  found: BodyOf<typeof sgDiscoveryResponse> | undefined;
  /** What the server answers to everything else. */
  answer: (type: AnyMessage, body: unknown) => unknown = () => {
    throw refused(Status.ServerError, 'That');
  };

  private constructor(
    readonly name: string,
    readonly group: GroupAtServer,
    readonly clock: VirtualClock,
    store: MemoryStore,
    boot: number,
  ) {
    this.store = store;
    this.state = new DeviceState(store);
    const entropy = new InsecureSeededEntropy(`${name} ${boot}`);
    const limits = { openPrompts: 1, promptsPer10MinPerInitiator: 3, consentTimeoutMs: 60_000 };
    const policies = { consent: 'same-user', confirm: 'never', admit: 'never' } as const;
    const happened = (what: Happening) => void this.happenings.push(what);
    this.desk = new ConsentDesk({ clock, entropy, policies, ui: false, limits, happened });
    this.groups = new Groups({
      self: entityId(name),
      idServer,
      provider,
      clock,
      entropy,
      logger: this.logger,
      state: this.state,
      bootCounter: boot,
      desk: this.desk,
      contents: {
        list: () => this.contents.list(),
        problems: () => [],
        read: (id, offset, length) => this.contents.read(id, offset, length),
      },
      happened,
      session: (pnId) => (this.connected && (pnId !== undefined || this.hasOwnSession) ? this.channel : undefined),
      carry: (_pnId, body) => {
        if (this.connected) this.carried.push(body);
        return this.connected;
      },
      released: () => void this.releases++,
      received: async (message, _pnId, sentMs) => {
        if (this.diskFull) throw new CpnsError('State', 'DiskFull', 'The disk is full.', { status: Status.Busy });
        this.received.push(message);
        this.sentMs.push(sentMs);
      },
    });
  }

  static async make(name: string, group: GroupAtServer, clock = new VirtualClock()): Promise<MemberRig> {
    const store = new MemoryStore();
    const changes: Changes = new Map();
    DeviceState.setServerKeys(changes, { keys: serverKeys });
    await new DeviceState(store).commit(changes);
    return new MemberRig(name, group, clock, store, 1);
  }

  /** The same device after a restart. */
  restart(boot = 2): MemberRig {
    return new MemberRig(this.name, this.group, this.clock, this.store, boot);
  }

  /** A request of the server in the session for a PN, or the PN GW's own, and what it is answered. @throws what the device refuses with */
  async serve<M extends AnyMessage>(type: M, body: BodyOf<M>, pnId: PnId | 'own' = PN_ID): Promise<unknown> {
    const envelope = decodeEnvelope(encodeEnvelope(type, new Uint8Array(16), '', body));
    let served: Promise<{ readonly body: unknown }> | undefined;
    const { signal } = new AbortController();
    const channel = {
      serve: (_envelope: Envelope, handle: (signal: AbortSignal) => Promise<{ readonly body: unknown }>) => (served = handle(signal)),
    };
    if (!this.groups.serve(pnId === 'own' ? undefined : pnId, channel as unknown as ServerChannel, envelope))
      throw new CpnsError('State', 'NotServed', 'It is not about groups.');
    const answer = await served;
    await this.clock.advance(0);
    return answer?.body;
  }

  /** Every part of a rekey, as its PN GW relays it. */
  async rekey(parts: readonly SignedRekeyPart[], pnId: PnId | 'own' = PN_ID): Promise<void> {
    for (const part of parts) this.groups.rekey(pnId === 'own' ? undefined : pnId, part);
    await this.clock.advance(0);
  }

  get channel(): ServerChannel {
    const channel = {
      request: async (type: AnyMessage, body: unknown) => {
        this.asked.push({ type, body });
        if (type.number === groupKeyResyncRequest.number) return { type: groupKeyResyncResponse, body: this.group.resync(this.name) };
        if (type.number === sgDiscoveryRequest.number)
          return { type: sgDiscoveryResponse, body: this.found ?? { status: Status.Success, groups: [this.group.info] } };
        return { type, body: this.answer(type, body) };
      },
      notify: (type: AnyMessage, body: unknown) => void this.asked.push({ type, body }),
    };
    return channel as unknown as ServerChannel;
  }

  count(type: AnyMessage): number {
    return this.asked.filter((asked) => asked.type.number === type.number).length;
  }

  get acknowledged(): number[] {
    return this.asked
      .filter(({ type }) => type.number === groupKeyAck.number)
      .map(({ body }) => (body as BodyOf<typeof groupKeyAck>).epoch);
  }
}

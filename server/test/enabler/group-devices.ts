import { CpnsError, type EntityId, entityId, type PnId, type SgId, type UserId } from '@cpns/shared';
import {
  type AnyMessage,
  ack,
  type BodyOf,
  bodyOf,
  type Envelope,
  groupKeyDelivery,
  groupKeyResyncRequest,
  groupKeyResyncResponse,
  pending,
  ResyncReason,
  refusal,
  SgAction,
  type SharedObject,
  Status,
  sgActionRequest,
  sgActionResponse,
  sgCreateRequest,
  sgCreateResponse,
  sgInventoryNotice,
  sgMemberChangeNotification,
} from '@cpns/shared/messages';
import { fromHex, MemberKeys, toHex } from '@cpns/shared/security';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { alice, type Changes, idServer, provider, Rig } from './rig.js';

/** A device in groups, as a PNE in one PN or as a PN GW: it keeps keys like a real one and sends what a test tells it to. */
export class GroupDevice {
  readonly keys = new Map<SgId, MemberKeys>();

  constructor(
    readonly rig: Rig,
    readonly device: PneDouble | GatewayDouble,
    readonly pnId?: PnId,
  ) {}

  get entityId(): EntityId {
    return this.device.entityId;
  }

  get gateway(): GatewayDouble {
    return this.device instanceof PneDouble ? this.device.gateway : this.device;
  }

  /** The answer, and if that is `pending`, the one that comes while `meanwhile` runs and time passes. @throws CpnsError of a refusal */
  async request<M extends AnyMessage, A extends AnyMessage>(
    type: M,
    body: BodyOf<M>,
    answerType: A,
    { passMs = 100, meanwhile = async () => {}, transaction = this.rig.entropy.bytes(16) }: RequestOptions = {},
  ): Promise<BodyOf<A>> {
    let answer = await this.#send(type, body, transaction);
    if (answer.number === pending.number) {
      await meanwhile();
      await this.rig.pass(passMs);
      const { arrived } = this.device;
      const own = arrived.filter((envelope) => toHex(envelope.transaction) === toHex(transaction));
      for (const envelope of own) arrived.splice(arrived.indexOf(envelope), 1);
      answer = own.at(-1) ?? answer;
    }
    if (answer.number === refusal.number) throw new CpnsError('State', 'Refused', 'refused', bodyOf(answer, refusal));
    return bodyOf(answer, answerType) as BodyOf<A>;
  }

  #send<M extends AnyMessage>(type: M, body: BodyOf<M>, transaction: Uint8Array): Promise<Envelope> {
    if (this.device instanceof PneDouble) return this.device.request(this.pnId as PnId, type, body, transaction);
    return this.device.request(type, body, transaction);
  }

  answer<M extends AnyMessage>(request: Envelope, type: M, body: BodyOf<M>): Promise<void> {
    if (this.device instanceof PneDouble) return this.device.answer(this.pnId as PnId, request, type, body);
    return this.device.answer(request, type, body);
  }

  notify<M extends AnyMessage>(type: M, body: BodyOf<M>): Promise<void> {
    return this.device instanceof PneDouble ? this.device.notify(this.pnId as PnId, type, body) : this.device.notify(type, body);
  }

  take<M extends AnyMessage>(type: M): BodyOf<M>[] {
    return this.device.take(type);
  }

  /** Answers what it is asked; returns what that was. */
  async consent(status: Status = Status.Success): Promise<BodyOf<typeof sgActionRequest>[]> {
    const asked = this.device.takeEnvelopes(sgActionRequest);
    for (const envelope of asked) {
      await this.answer(envelope, sgActionResponse, { status, sgId: bodyOf(envelope, sgActionRequest).sgId });
    }
    return asked.map((envelope) => bodyOf(envelope, sgActionRequest));
  }

  act(sgId: SgId, action: SgAction, targets: readonly GroupDevice[] = [this], options: RequestOptions = {}) {
    const body = { sgId: fromHex(sgId), action, origin: this.entityId, targets: targets.map((target) => target.entityId) };
    return this.request(sgActionRequest, body, sgActionResponse, options);
  }

  leave(sgId: SgId, options?: RequestOptions) {
    return this.act(sgId, SgAction.Leave, [this], { passMs: 5_000, ...options });
  }

  expel(sgId: SgId, targets: readonly GroupDevice[], options?: RequestOptions) {
    return this.act(sgId, SgAction.Expel, targets, options);
  }

  /** Asks for its path. */
  async resync(sgId: SgId, reason: ResyncReason = ResyncReason.Joined): Promise<BodyOf<typeof groupKeyResyncResponse>> {
    const known = this.keys.get(sgId);
    const body = { sgId: fromHex(sgId), epoch: Number(known?.state?.epoch ?? 0), reason };
    const answer = await this.request(groupKeyResyncRequest, body, groupKeyResyncResponse);
    if (answer.status !== Status.Success) return answer;
    const { leafKey, leaf, part, signature } = answer;
    if (leafKey === undefined || leaf === undefined || part === undefined || signature === undefined) throw new Error('no keys');
    const keys = known ?? this.#newKeys(sgId);
    this.keys.set(sgId, keys);
    keys.install(keys.takeResync({ leafKey: leafKey.slice(), leaf, part, signature }));
    return answer;
  }

  #newKeys(sgId: SgId): MemberKeys {
    const { signingKeyId: keyId, signingPublicKey: ed25519 } = this.rig.identity;
    return new MemberKeys({ provider, idServer, sgId: fromHex(sgId), serverKeys: [{ keyId, ed25519 }] });
  }

  /** Takes a rekey that its PN GW got. */
  receive(parts: readonly BodyOf<typeof groupKeyDelivery>[]): string[] {
    const outcomes: string[] = [];
    for (const keys of this.keys.values()) {
      for (const part of parts) {
        try {
          const taken = keys.take(part);
          if (taken.outcome === 'keys') keys.install(taken);
          outcomes.push(taken.outcome);
        } catch (error) {
          outcomes.push((error as CpnsError).code);
        }
      }
    }
    return outcomes;
  }

  /** The Group Key that it holds, in hex. */
  groupKey(sgId: SgId): string | undefined {
    const state = this.keys.get(sgId)?.state;
    const held = state && [...state.keys].find(([node]) => node === 0xff000000)?.[1];
    return held && toHex(held.key.reveal());
  }

  epoch(sgId: SgId): number {
    return Number(this.keys.get(sgId)?.state?.epoch ?? 0);
  }
}

interface RequestOptions {
  readonly passMs?: number;
  readonly meanwhile?: () => Promise<void>;
  readonly transaction?: Uint8Array;
}

/** What every PN GW got, given to every device behind it. */
export function relay(gateways: readonly GatewayDouble[], members: readonly GroupDevice[]): Map<EntityId, string[]> {
  const outcomes = new Map<EntityId, string[]>();
  for (const gateway of gateways) {
    const parts = gateway.take(groupKeyDelivery);
    for (const member of members.filter((candidate) => candidate.gateway === gateway)) outcomes.set(member.entityId, member.receive(parts));
  }
  return outcomes;
}

/** A group of which `owner` is the owner and everybody else agreed, all with their keys. */
export async function grouped(
  owner: GroupDevice,
  others: readonly GroupDevice[],
  options: { name?: string; open?: boolean; objects?: SharedObject[] } = {},
): Promise<SgId> {
  const { name = 'family', open = false, objects = [] } = options;
  const created = await owner.request(
    sgCreateRequest,
    { name, members: others.map((other) => other.entityId), objects, open },
    sgCreateResponse,
    {
      meanwhile: async () => {
        for (const other of others) await other.consent();
      },
      passMs: 0,
    },
  );
  if (created.group === undefined) throw new Error(`not created: ${created.status}`);
  const sgId = toHex(created.group.sgId) as SgId;
  for (const member of [owner, ...others]) await member.resync(sgId);
  for (const member of [owner, ...others]) await storeGroupNotices(member);
  return sgId;
}

/** Acknowledges what waits at a device. */
export async function storeGroupNotices({ device, pnId }: GroupDevice): Promise<void> {
  for (const type of [sgMemberChangeNotification, sgInventoryNotice]) {
    for (const envelope of device.takeEnvelopes(type)) {
      if (device instanceof PneDouble) await device.answer(pnId as PnId, envelope, ack, { status: Status.Success });
      else await device.answer(envelope, ack, { status: Status.Success });
    }
  }
  const gateway = device instanceof PneDouble ? device.gateway : device;
  for (const envelope of gateway.takeEnvelopes(sgInventoryNotice)) await gateway.answer(envelope, ack, { status: Status.Success });
}

export const somebody = entityId('somebody');

/** A server with Alice and `user`, and their {@link twoHomes}. */
export async function groupWorld(user: UserId = alice, changes: Changes = {}): Promise<TwoHomes & { readonly rig: Rig }> {
  const rig = new Rig(changes);
  rig.hasGroups = true;
  await rig.user();
  if (user !== alice) await rig.user(user);
  return { rig, ...(await twoHomes(rig, user)) };
}

export interface TwoHomes {
  readonly west: GatewayDouble;
  readonly east: GatewayDouble;
  readonly phone: GroupDevice;
  readonly board: GroupDevice;
  readonly radio: GroupDevice;
  readonly gate: GroupDevice;
}

/** Two PN GWs; phone and board behind the one, radio behind the other, which is of `user` like the radio, and a device in groups itself. */
export async function twoHomes(rig: Rig, user: UserId = alice): Promise<TwoHomes> {
  const west = await GatewayDouble.connected(rig, 'west');
  const east = await GatewayDouble.connected(rig, 'east', await rig.enrol('east', user));
  const [first, second] = [await PneDouble.of(west, 'phone'), await PneDouble.of(west, 'board')];
  const third = new PneDouble(east, await rig.enrol('radio', user));
  const [pnWest, pnEast] = [await established(west, [first, second]), await established(east, [third])];
  const [phone, board] = [new GroupDevice(rig, first, pnWest), new GroupDevice(rig, second, pnWest)];
  return { west, east, phone, board, radio: new GroupDevice(rig, third, pnEast), gate: new GroupDevice(rig, east) };
}

import { type EntityId, entityId, type PnId } from '@cpns/shared';
import {
  type BodyOf,
  decodeEnvelope,
  encodeEnvelope,
  type groupKeyDelivery,
  type LocalGroupMember,
  sgData,
  sgDataAnswer,
} from '@cpns/shared/messages';
import { GroupKey, GroupMessages, nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { PnRole, PnState, pnIdText } from '../../src/entity/device-state.js';
import type { PeerLink } from '../../src/entity/peer-link.js';
import type { ServerChannel } from '../../src/entity/server-channel.js';
import type { GatewayContext } from '../../src/gateway/gateway-context.js';
import { GroupDeliveries } from '../../src/gateway/group-deliveries.js';
import { relayFromMember, relayFromServer, relayRekey, sendOwn } from '../../src/gateway/groups.js';
import { GroupAtServer, PN, PN_ID, SG } from '../support/member-rig.js';

const [laptop, phone, board, radio] = ['laptop', 'phone', 'board', 'radio'].map(entityId) as [EntityId, EntityId, EntityId, EntityId];
const OTHER = new Uint8Array(16).fill(6);
const OTHER_ID = pnIdText(OTHER);

/** What a PN GW, the laptop, hands on: to its members, to itself as a member, and to the server. */
interface Gateway {
  readonly context: GatewayContext;
  readonly handed: { readonly to: EntityId; readonly pnId: PnId; readonly body: unknown }[];
  readonly own: BodyOf<typeof sgData>[];
  readonly rekeys: unknown[];
  readonly published: BodyOf<typeof sgData>[];
  /** The copy of the SG Inventory; undefined: there is none. */
  route: LocalGroupMember[] | undefined;
  state: (typeof PnState)[keyof typeof PnState];
  /** Who is in the PN. */
  inPn: EntityId[];
  /** Whose link has a PAN session. */
  near: EntityId[];
  readonly leaving: Set<EntityId>;
  server: boolean;
}
let gateway: Gateway;

beforeEach(() => {
  const handed: Gateway['handed'] = [];
  const published: Gateway['published'] = [];
  const channel = { notify: (_type: unknown, body: BodyOf<typeof sgData>) => published.push(body) } as unknown as ServerChannel;
  const groupDeliveries = new GroupDeliveries({
    clock: new VirtualClock(),
    entropy: new InsecureSeededEntropy('deliveries'),
    server: () => (gateway.server ? channel : undefined),
  });
  const context = {
    logger: new MemoryLogger(),
    groupRoutes: { get: () => gateway.route && { sgId: '', version: 1, members: gateway.route } },
    state: {
      pn: (pnId: PnId) =>
        pnId === PN_ID || pnId === OTHER_ID
          ? { role: PnRole.PnGw, state: gateway.state, members: gateway.inPn.map((each) => ({ entityId: each })) }
          : undefined,
    },
    removals: { has: (_pnId: PnId, member: EntityId) => gateway.leaving.has(member) },
    linkTo: (member: EntityId) => ({
      hasPan: () => gateway.near.includes(member),
      exchange: { notify: (_type: unknown, body: unknown, { pnId }: { pnId: PnId }) => handed.push({ to: member, pnId, body }) },
    }),
    groupDeliveries,
  } as unknown as GatewayContext;
  gateway = {
    context,
    handed,
    own: [],
    rekeys: [],
    published,
    route: [seat(laptop, 0, undefined), seat(phone, 1), seat(board, 2)],
    state: PnState.Established,
    inPn: [laptop, phone, board, radio],
    near: [phone, board, radio],
    leaving: new Set(),
    server: true,
  };
});

const seat = (entity: EntityId, leaf: number, pnId: Uint8Array | undefined = PN): LocalGroupMember =>
  entity === laptop ? { entity, leaf } : { entity, leaf, ...(pnId && { pnId }) };

/** A message of `from`, which says that it is of `said`. */
function messageOf(from: EntityId, said = from): BodyOf<typeof sgData> {
  const entropy = new InsecureSeededEntropy('gateway');
  const key = new GroupKey('key', new Uint8Array(32).fill(5));
  const messages = new GroupMessages(SG, {
    provider: nobleProvider,
    entropy,
    self: from,
    bootCounter: 1,
    current: { epoch: 1n, key },
  });
  return { sgId: SG, from: said, message: messages.seal(new Uint8Array(4), 0) };
}

const roles = () => ({
  rekey: (_pnId: PnId | undefined, body: unknown) => void gateway.rekeys.push(body),
  data: (_pnId: PnId | undefined, body: BodyOf<typeof sgData>) => void gateway.own.push(body),
  serve: () => false,
  heartbeat: () => [],
});
const fromMember = (peer: EntityId, body: BodyOf<typeof sgData>, pnId: PnId = PN_ID) =>
  relayFromMember(gateway.context, roles() as never, { peer } as PeerLink, { kind: 'pan', pnId }, body);
const receivers = () => gateway.handed.map(({ to }) => to);

describe('a message of a member', () => {
  it('goes to the other members here and once to the server', () => {
    fromMember(phone, messageOf(phone));
    expect(receivers()).toEqual([board]);
    expect(gateway.own).toHaveLength(1);
    expect(gateway.published).toEqual([messageOf(phone)]);
  });

  it('goes nowhere when it is in the name of another, without or within', () => {
    expect(() => fromMember(phone, messageOf(phone, board))).toThrow('in the name of board');
    expect(() => fromMember(phone, messageOf(board, phone))).toThrow('in the name of board');
    expect([gateway.handed, gateway.own, gateway.published]).toEqual([[], [], []]);
  });

  it.each<[string, () => void]>([
    ['is in no group here', () => (gateway.route = undefined)],
    ['is not in that group', () => (gateway.route = [seat(board, 2)])],
    ['is in it through another PN', () => (gateway.route = [seat(phone, 1, OTHER), seat(board, 2)])],
    ['has a name like the PN GW that is in it', () => (gateway.route = [{ entity: phone, leaf: 1 }, seat(board, 2)])],
    ['is out of the PN', () => (gateway.inPn = [laptop, board])],
    ['is being removed', () => gateway.leaving.add(phone)],
  ])('goes nowhere when its sender %s', (_why, change) => {
    change();
    expect(() => fromMember(phone, messageOf(phone))).toThrow();
    expect([gateway.handed, gateway.own, gateway.published]).toEqual([[], [], []]);
  });

  it('goes nowhere while the PN is released', () => {
    gateway.state = PnState.Releasing;
    fromMember(phone, messageOf(phone));
    expect([gateway.handed, gateway.own, gateway.published]).toEqual([[], [], []]);
  });
});

describe('whoever the copy of the SG Inventory names', () => {
  it.each<[string, () => void]>([
    ['has no PAN session', () => (gateway.near = [phone])],
    ['is out of the PN', () => (gateway.inPn = [laptop, phone])],
    ['is being removed', () => gateway.leaving.add(board)],
  ])('gets nothing where it %s, and the server hears of it', (_why, change) => {
    change();
    fromMember(phone, messageOf(phone));
    expect(receivers()).toEqual([]);
    expect(gateway.published).toEqual([{ ...messageOf(phone), missing: [board] }]);
  });

  it('gets nothing while its PN is released', () => {
    gateway.state = PnState.Releasing;
    sendOwn(gateway.context, messageOf(laptop));
    expect(receivers()).toEqual([]);
  });

  it('gets what other PN GWs bring, and the server hears who does not', () => {
    gateway.near = [phone];
    const answers: unknown[] = [];
    const channel = { notify: (type: unknown, body: unknown) => answers.push([type, body]) } as unknown as ServerChannel;
    const envelope = decodeEnvelope(encodeEnvelope(sgData, new Uint8Array(16), '', messageOf(radio)));
    relayFromServer(gateway.context, roles() as never, channel, envelope);
    expect(receivers()).toEqual([phone]);
    expect(gateway.own).toHaveLength(1);
    expect(answers).toEqual([[sgDataAnswer, { missing: [board] }]]);
    gateway.route = undefined;
    relayFromServer(gateway.context, roles() as never, channel, envelope);
    expect(answers).toHaveLength(1);
  });
});

describe('an own message of the PN GW', () => {
  it('has left when a member here or the server has it', () => {
    expect(sendOwn(gateway.context, messageOf(laptop))).toBe(true);
    gateway.server = false;
    expect(sendOwn(gateway.context, messageOf(laptop))).toBe(true);
    gateway.near = [];
    expect(sendOwn(gateway.context, messageOf(laptop))).toBe(false);
    gateway.server = true;
    expect(sendOwn(gateway.context, messageOf(laptop))).toBe(true);
    expect(gateway.own).toEqual([]);
  });
});

describe('a part of a rekey', () => {
  it('goes to those with a node in it, in the PN of each', () => {
    const group = new GroupAtServer();
    group.change(Array.from({ length: 8 }, (_, i) => `member-${i}`));
    // Records lie under leaves and nodes that the leaf 200 of another group member is not below.
    const [part] = group.change([], ['member-0']) as [BodyOf<typeof groupKeyDelivery>];
    gateway.route = [seat(laptop, 1), seat(phone, 2), seat(board, 3, OTHER), seat(radio, 200)];
    relayRekey(gateway.context, roles() as never, part);
    expect(gateway.handed.map(({ to, pnId }) => [to, pnId])).toEqual([
      [phone, PN_ID],
      [board, OTHER_ID],
    ]);
    expect(gateway.rekeys).toEqual([part]);
  });
});

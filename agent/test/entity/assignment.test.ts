import { type EntityId, entityId } from '@cpns/shared';
import {
  capabilitiesExchange,
  type DeviceCapabilities,
  decodeEnvelope,
  encodeEnvelope,
  isGateway,
  Mode,
  PN_GW_SERVICE,
} from '@cpns/shared/messages';
import { MemoryLogger, MemoryStore, SeededChoices, VirtualClock } from '@cpns/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceState, type PnRecord, PnRole, PnState } from '../../src/entity/device-state.js';
import type { PeerLink } from '../../src/entity/peer-link.js';
import { RoleKeeper } from '../../src/entity/role-keeper.js';

/** How a device begins. */
interface Start {
  readonly preference: number;
  readonly eligible: boolean;
  /** It is in a PN of that device, which is somewhere, or of nobody here. */
  readonly boundTo?: string;
}

interface World {
  readonly devices: readonly Start[];
  /** Pairs that see each other, and when they are linked. */
  readonly links: readonly { readonly a: number; readonly b: number; readonly atMs: number }[];
  readonly seed: number;
}

const idOf = (index: number): EntityId => entityId(`device-${index}`);
const LONGEST_DELAY_MS = 400;

/** Real role keepers, whose messages take a random time. */
async function played({ devices, links, seed }: World) {
  const clock = new VirtualClock();
  const choices = new SeededChoices(seed);
  const changes: { readonly atMs: number }[] = [];
  const keepers: RoleKeeper[] = [];
  const peersOf = devices.map(() => new Map<EntityId, PeerLink>());

  const linkTo = (self: number, other: number): PeerLink =>
    ({
      peer: idOf(other),
      signal: new AbortController().signal,
      close: () => undefined,
      exchange: {
        request: (_type: unknown, body: { capabilities: Uint8Array }) =>
          new Promise<void>((resolve) => {
            // A link keeps the order of what travels on it.
            const envelope = decodeEnvelope(encodeEnvelope(capabilitiesExchange, new Uint8Array(16), idOf(self), body));
            deliver(self, other, () => {
              keepers[other]?.heard(peersOf[other]?.get(idOf(self)) as PeerLink, envelope);
              resolve();
            });
          }),
      },
    }) as unknown as PeerLink;
  const lastMs = new Map<string, number>();
  const deliver = (from: number, to: number, action: () => void) => {
    const key = `${from}>${to}`;
    const atMs = Math.max(lastMs.get(key) ?? 0, clock.monotonicMs() + 1 + choices.below(LONGEST_DELAY_MS));
    lastMs.set(key, atMs);
    clock.after(atMs - clock.monotonicMs(), action);
  };

  for (const [index, { preference, eligible, boundTo }] of devices.entries()) {
    const state = new DeviceState(new MemoryStore());
    if (boundTo !== undefined) await state.commit(new Map(membership(boundTo, index)));
    const peers = peersOf[index] as Map<EntityId, PeerLink>;
    const keeper = new RoleKeeper({
      identity: {
        id: idOf(index),
        subscription: { subscriptionId: 's', userId: 'alice', services: [PN_GW_SERVICE], chargeable: true },
      } as never,
      state,
      clock,
      logger: new MemoryLogger(),
      facts: { ...FACTS, preference },
      panKinds: [],
      linkTo: (id) => peers.get(id),
      linkedPeers: () => [...peers.keys()],
      isAwaited: () => false,
      happened: () => undefined,
      assigned: () => changes.push({ atMs: clock.monotonicMs() }),
      changed: () => undefined,
      gatewayLinked: () => undefined,
    });
    keepers.push(keeper);
    keeper.start();
    keeper.reached({ reachable: eligible, atMonotonicMs: 0 } as never);
  }
  for (const { a, b, atMs } of links) {
    clock.after(atMs, () => {
      for (const [self, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const link = linkTo(self, other);
        peersOf[self]?.set(idOf(other), link);
        deliver(self, other, () => void keepers[self]?.greet(link));
      }
    });
  }
  await clock.advance(QUIET_AFTER_MS);
  const settled = changes.length;
  await clock.advance(QUIET_AFTER_MS);
  return { keepers, peersOf, flaps: changes.length - settled, changes: settled };
}

const QUIET_AFTER_MS = 120_000;
const FACTS: Omit<DeviceCapabilities, 'mode' | 'reachesServer' | 'reachesServerAgeS' | 'panTechnologies' | 'subscribed' | 'pairedPnes'> = {
  mains: true,
  batteryPercent: 100,
  cores: 4,
  memoryMiB: 4096,
  networks: [],
  ui: true,
  zone: false,
  canRoute: true,
  preference: 0,
};

function membership(gateway: string, index: number): Map<string, Uint8Array> {
  const record: PnRecord = {
    pnId: new Uint8Array(16).fill(index),
    role: PnRole.Pne,
    state: PnState.Established,
    gateway: entityId(gateway),
    inventoryVersion: 1,
    members: [],
    pnKeyEpoch: 0,
  };
  const changes = new Map();
  DeviceState.setPn(changes, record);
  return changes;
}

const worlds: fc.Arbitrary<World> = fc.integer({ min: 2, max: 8 }).chain((count) =>
  fc.record({
    devices: fc.array(
      fc.record(
        {
          preference: fc.integer({ min: 0, max: 3 }),
          eligible: fc.boolean().map((no) => !no),
          boundTo: fc.oneof(fc.constant('elsewhere'), fc.integer({ min: 0, max: count - 1 }).map(idOf)),
        },
        { requiredKeys: ['preference', 'eligible'] },
      ),
      { minLength: count, maxLength: count },
    ),
    links: fc
      .uniqueArray(
        fc
          .tuple(fc.integer({ min: 0, max: count - 1 }), fc.integer({ min: 0, max: count - 1 }), fc.integer({ min: 0, max: 20_000 }))
          .filter(([a, b]) => a < b),
        { selector: ([a, b]) => `${a}-${b}`, maxLength: 28 },
      )
      .map((list) => list.map(([a, b, atMs]) => ({ a, b, atMs }))),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  }),
);

describe('PN GW assignment', () => {
  it('ends, and gives a PN GW to everybody who sees one or can be one, whoever sees whom', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const { keepers, peersOf, flaps, changes } = await played(world);
        expect(flaps, 'changes once it is quiet').toBe(0);
        expect(changes).toBeLessThan(world.devices.length * 12);
        for (const [index, keeper] of keepers.entries()) {
          const near = [...(peersOf[index]?.keys() ?? [])].map((id) => keepers[Number(id.split('-')[1])] as RoleKeeper);
          const start = world.devices[index];
          if (keeper.mode !== Mode.Unassigned || near.length === 0) continue;
          expect(start?.eligible, `${idOf(index)}: ${keeper.assignment.reason}`).toBe(false);
          expect(near.some(({ mode }) => isGateway(mode))).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('does without a better suited device that is a member of a PN whose PN GW is not here', async () => {
    const { keepers } = await played({
      devices: [
        { preference: 3, eligible: true, boundTo: 'elsewhere' },
        { preference: 0, eligible: true },
        { preference: 0, eligible: true },
      ],
      links: [
        { a: 0, b: 1, atMs: 0 },
        { a: 1, b: 2, atMs: 0 },
        { a: 0, b: 2, atMs: 0 },
      ],
      seed: 1,
    });
    expect(keepers.map(({ mode }) => mode)).toEqual([Mode.Pne, Mode.PnGw, Mode.Pne]);
  });

  it('waits for a PN GW that is about to be linked, so that there are not two', async () => {
    const { keepers } = await played({
      devices: [
        { preference: 3, eligible: true },
        { preference: 2, eligible: true },
        { preference: 0, eligible: true },
      ],
      links: [
        { a: 0, b: 1, atMs: 0 },
        { a: 1, b: 2, atMs: 1_000 },
        { a: 0, b: 2, atMs: 9_000 },
      ],
      seed: 1,
    });
    expect(keepers.map(({ mode }) => mode)).toEqual([Mode.PnGw, Mode.Pne, Mode.Pne]);
  });
});

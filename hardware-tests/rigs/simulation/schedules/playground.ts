import { DeviceState, pnIdText } from '@cpns/agent';
import { type EntityId, entityId, type SgId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { FAIR_WEATHER, InsecureSeededEntropy, MemoryStore, SeededChoices, VirtualClock, type Weather } from '@cpns/shared/testing';
import { type AirLink, SimulatedAir } from '../air.js';
import { Cable } from '../cable.js';
import { BOARD, LAPTOP, PHONE, type SimulatedDevice, simulatedDevice } from '../device.js';
import type { Promised, PromisedOfGroup } from '../invariants/promises.js';
import { Witness } from '../invariants/witness.js';
import type { World } from '../invariants/world.js';
import { RadioRoom } from '../radio-room.js';
import { SimulatedServer } from '../server.js';
import { type Pan, type Schedule, SERVER, type Way } from './actions.js';
import { GUEST, HUB } from './generate.js';
import type { Trace } from './trace.js';
import { WeatheredUplink } from './weathered-uplink.js';

const FACTS = { laptop: LAPTOP, phone: PHONE, board: BOARD, watch: PHONE, guest: PHONE, hub: LAPTOP } as const;
/** Deadlines of the server, shorter than usual, so that everything has come to rest soon. */
const QUICK = { acknowledgeTimeoutMs: 60_000, heartbeatMs: 20_000 };
/** The devices have found one another, and one of them is PN GW. */
const SETTLED_MS = 5_000;

/** The household of a schedule: a server, devices, the ways between them and what they are like. */
export class Playground {
  readonly clock = new VirtualClock();
  readonly server: SimulatedServer;
  readonly witness: Witness;
  /** Those that run now, by name. */
  readonly running = new Map<string, SimulatedDevice>();
  readonly past: SimulatedDevice[] = [];
  readonly asked = new Map<EntityId, number>();
  readonly #wanted = new Map<EntityId, number>();
  readonly #promised: Promised[] = [];
  readonly #promisedOfGroups: PromisedOfGroup[] = [];
  /** The local network; the air of Bluetooth where that is all there is. */
  readonly #air: SimulatedAir;
  readonly #radios: RadioRoom | undefined;
  readonly #ranges = new Map<string, Cable>();
  readonly #schedule: Schedule;
  readonly #trace: Trace | undefined;
  readonly #choices: SeededChoices;
  readonly #keys = new Map<string, Uint8Array>();
  readonly #uplinks = new Map<string, WeatheredUplink>();
  readonly #weather = new Map<string, Weather>();
  /** How many links of the air have had the weather of their way; those behind them are new. */
  #weathered = 0;
  readonly #silent = new Set<string>();
  readonly #carried: { where: string; octets: Uint8Array }[] = [];

  private constructor(schedule: Schedule, trace: Trace | undefined) {
    const { clock } = this;
    this.#schedule = schedule;
    this.#trace = trace;
    this.#choices = new SeededChoices(schedule.seed);
    this.witness = new Witness(nativeProvider, trace && ((plain, record) => trace.sealed(plain, record)));
    this.server = new SimulatedServer(clock, { sessions: QUICK, provider: this.witness.provider('') });
    const choices = new SeededChoices(schedule.seed + 1);
    this.#radios = this.pan === 'lan' ? undefined : new RadioRoom(clock, { choices });
    this.#air = this.pan === 'ble' && this.#radios ? this.#radios.air : new SimulatedAir(clock, { choices });
    for (const air of new Set([this.#air, this.#radios?.air ?? this.#air])) {
      air.hook = ({ from, to, octets }) => {
        this.#frame(air.links, from, to, octets);
        return octets;
      };
    }
    if (this.#radios !== undefined) this.#radios.hears = (from, to) => this.pan === 'both' || !this.#isSilent(from, to);
    trace?.begin(clock, [...schedule.devices, SERVER]);
  }

  /** Everybody is enrolled, paired and has settled. */
  static async open(schedule: Schedule, trace?: Trace): Promise<Playground> {
    const ground = new Playground(schedule, trace);
    const stores = new Map(schedule.devices.map((name) => [name, new MemoryStore()]));
    const entropy = new InsecureSeededEntropy(`pairings ${schedule.seed}`);
    for (const [one, other] of schedule.pairings) {
      const kPair = entropy.bytes(32);
      for (const [self, peer] of [
        [one, other],
        [other, one],
      ] as const) {
        const changes = new Map<string, Uint8Array | undefined>();
        DeviceState.setPairing(changes, entityId(peer), { kPair });
        await stores.get(self)?.commit(changes);
      }
    }
    for (const name of schedule.devices) {
      const isBobs = name === GUEST || name === HUB;
      ground.#keys.set(name, await ground.server.enrol(name, userId(isBobs ? 'bob' : 'alice'), { services: [PN_GW_SERVICE] }));
    }
    for (const [name, store] of stores) await ground.start(name, store);
    await ground.clock.advance(SETTLED_MS);
    return ground;
  }

  get pan(): Pan {
    return this.#schedule.pan ?? 'lan';
  }

  get world(): World {
    const { server, running, past, witness, asked } = this;
    return {
      server,
      devices: [...running.values()],
      past,
      witness,
      asked,
      wanted: this.#wanted,
      promised: this.#promised,
      promisedOfGroups: this.#promisedOfGroups,
      carried: this.#carried,
    };
  }

  /** Somebody wants that device in a PN that stands. */
  wanted(id: EntityId): void {
    this.#wanted.set(id, (this.#wanted.get(id) ?? 0) + 1);
  }

  /** Somebody asks for that; the result is to be called when it was shown as done. */
  promise({ pnId, gateway }: { pnId: Uint8Array; gateway: EntityId }, out: EntityId | undefined): () => void {
    const id = pnIdText(pnId);
    const entries = this.server.changes.added.filter((entry) => entry.pnId === id && entry.entityId === out).length;
    return () => this.#promised.push({ pnId: id, out, entries, gateway });
  }

  /** As {@link promise}; the result is to be called with who was shown as being out. Undefined: the group is gone. */
  promiseOfGroup(sgId: SgId): (out: EntityId | undefined) => void {
    const askedMs = this.clock.wallMs();
    return (out) => this.#promisedOfGroups.push({ sgId, out, askedMs });
  }

  /** Some device is still to be started again. */
  get isAnybodyOff(): boolean {
    return this.running.size < this.#schedule.devices.length;
  }

  async start(name: string, store: MemoryStore): Promise<SimulatedDevice> {
    const { clock, server, witness } = this;
    const id = entityId(name);
    const uplink = new WeatheredUplink(server.uplink(id), id, clock, this.#choices, (...what) => this.#payload(...what));
    uplink.weather = this.#weatherOf(name, SERVER);
    if (this.#isSilent(name, SERVER)) uplink.silence();
    this.#uplinks.set(name, uplink);
    const { pan } = this;
    const device = await simulatedDevice(name, {
      ...(pan !== 'ble' && { air: this.#air }),
      ...(this.#radios && { radios: this.#radios, range: this.#rangeOf(name) }),
      clock,
      uplink,
      store,
      facts: FACTS[name as keyof typeof FACTS],
      euKey: this.#keys.get(name) as Uint8Array,
      provider: witness.provider(name),
      // Nobody sits there to say yes or no.
      settings: { consent: 'always', admit: 'always', confirm: 'paired' },
      ...(name === GUEST && { services: [] }),
    });
    this.running.set(name, device);
    return device;
  }

  /** A device does not run any more; its store is as the next start finds it. Undefined: it did not run. */
  powerCut(name: string): MemoryStore | undefined {
    const device = this.running.get(name);
    if (device === undefined) return undefined;
    this.running.delete(name);
    this.past.push(device);
    return device.powerCut();
  }

  async restart(name: string): Promise<void> {
    const device = this.running.get(name);
    if (device === undefined) return;
    this.running.delete(name);
    this.past.push(device);
    await device.device.stop();
    this.clock.after(500, () => void this.start(name, device.store));
  }

  setWeather([one, other]: Way, weather: Weather): void {
    this.#weather.set(keyOf(one, other), weather);
    this.#apply(one, other);
  }

  /** Nothing gets through and nobody is told. */
  setSilent([one, other]: Way, silent: boolean): void {
    if (silent) this.#silent.add(keyOf(one, other));
    else this.#silent.delete(keyOf(one, other));
    this.#apply(one, other);
  }

  setJammed(device: string, jammed: boolean): void {
    const range = this.#rangeOf(device);
    if (jammed) range.unplug();
    else range.plug();
  }

  sever([one, other]: Way): void {
    const device = one === SERVER ? other : one;
    if (one === SERVER || other === SERVER) this.#uplinks.get(device)?.sever();
    else this.#air.sever(entityId(one), entityId(other));
  }

  /** Every way that a device has. */
  waysOf(device: string): Way[] {
    return [...this.#schedule.devices, SERVER].filter((other) => other !== device).map((other) => [device, other]);
  }

  /** Nothing ends at a deed that is still to come. */
  disarm(): void {
    for (const { deeds } of [this.server, ...this.running.values()]) deeds.at(Number.POSITIVE_INFINITY, () => {});
  }

  /** Fair weather everywhere; whoever is silent is heard again. */
  calm(): void {
    this.#weather.clear();
    this.#silent.clear();
    for (const range of this.#ranges.values()) range.plug();
    for (const device of this.#schedule.devices) for (const way of this.waysOf(device)) this.#apply(...way);
  }

  async close(): Promise<void> {
    for (const name of [...this.running.keys()]) this.powerCut(name);
    await this.server.stop();
  }

  #apply(one: string, other: string): void {
    const uplink = this.#uplinks.get(one === SERVER ? other : one);
    if (one !== SERVER && other !== SERVER) this.#applyToLinks(one, other);
    else if (uplink !== undefined) {
      uplink.weather = this.#weatherOf(one, other);
      if (this.#isSilent(one, other)) uplink.silence();
      else uplink.mend();
    }
  }

  #applyToLinks(one: string, other: string): void {
    for (const link of this.#air.links) if (keyOf(link.from, link.to) === keyOf(one, other)) this.#applyTo(link);
  }

  #applyTo({ from, to, pair }: AirLink): void {
    const weather = { ...this.#weatherOf(from, to), cut: this.#isSilent(from, to) };
    for (const end of [pair.initiator, pair.responder]) end.setWeather(weather);
  }

  #weatherOf(one: string, other: string): Weather {
    return this.#weather.get(keyOf(one, other)) ?? FAIR_WEATHER;
  }

  #isSilent(one: string, other: string): boolean {
    return this.#silent.has(keyOf(one, other));
  }

  #rangeOf(device: string): Cable {
    const known = this.#ranges.get(device) ?? new Cable();
    this.#ranges.set(device, known);
    return known;
  }

  /** A frame is about to be sent: links may be new, and are to have the weather of their way. */
  #frame(links: readonly AirLink[], from: string, to: string, octets: Uint8Array): void {
    for (; this.#weathered < this.#air.links.length; this.#weathered++) {
      const link = this.#air.links[this.#weathered] as AirLink;
      this.#applyTo(link);
    }
    this.#carried.push({ where: `a frame of ${from} to ${to}`, octets });
    if (this.#trace === undefined) return;
    const link = links.findLast((one) => keyOf(one.from, one.to) === keyOf(from, to));
    if (link === undefined) return;
    const { count } = link.from === from ? link.pair.initiator : link.pair.responder;
    this.#trace.frame(from, to, octets, count);
  }

  #payload(from: string, to: string, octets: Uint8Array, fates: readonly string[]): void {
    this.#carried.push({ where: `a payload of ${from} to ${to}`, octets });
    this.#trace?.payload(from, to, octets, fates);
  }
}

function keyOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

import { type AddressInfo, createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type EntityId, entityId, formatHostPort, type Link, type LinkHandler } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { InsecureSeededEntropy, MemoryLogger } from '@cpns/shared/testing';
import type { PanEvents, Sighting } from '../../../src/entity/pan-technology.js';
import { type LanOptions, LanTechnology } from '../../../src/pan/lan/lan-technology.js';

export const clock = new SystemClock();

/** This machine has ::1. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((infos) => infos?.some((info) => info.address === '::1'));

/** An entity id that no other test announces. */
export function uniqueId(prefix = 'lan'): EntityId {
  return entityId(`${prefix}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`);
}

/** A UDP port for mDNS that no other test uses. */
export function privatePort(): number {
  return 20_000 + Math.floor(Math.random() * 10_000);
}

/** Lets a test wait for what a predicate says, checked whenever something was noted. */
export class Notes {
  readonly log: string[] = [];
  #watchers: (() => void)[] = [];

  note(line: string): void {
    this.log.push(line);
    for (const watch of [...this.#watchers]) watch();
  }

  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => {
      const watch = () => {
        if (!met()) return;
        this.#watchers = this.#watchers.filter((other) => other !== watch);
        resolve();
      };
      this.#watchers.push(watch);
    });
  }
}

/** What arrived on a link. */
export class Receiver implements LinkHandler {
  readonly frames: Uint8Array[] = [];
  readonly closings: string[] = [];
  readonly notes = new Notes();

  frame(octets: Uint8Array): void {
    this.frames.push(octets);
    this.notes.note('frame');
  }
  closed(reason: string): void {
    this.closings.push(reason);
    this.notes.note('closed');
  }
  static on(link: Link): Receiver {
    const receiver = new Receiver();
    link.open(receiver);
    return receiver;
  }
}

/** One agent's LAN on this machine's loopback, with what it reported. */
export class LanDevice implements PanEvents {
  readonly lan: LanTechnology;
  readonly id: EntityId;
  readonly sightings = new Map<EntityId, Sighting>();
  readonly links: Link[] = [];
  readonly notes = new Notes();
  trouble: string | undefined;

  constructor(options: Partial<LanOptions> = {}) {
    this.id = options.id ?? uniqueId();
    this.lan = new LanTechnology({
      id: this.id,
      clock,
      entropy: new InsecureSeededEntropy(this.id),
      logger: new MemoryLogger(),
      interfaces: ['lo'],
      ...options,
    });
  }

  async start(): Promise<this> {
    await this.lan.start(this);
    return this;
  }

  get port(): number {
    return Number(this.lan.addresses()[0]?.split(':').at(-1));
  }

  sighted(sighting: Sighting): void {
    this.sightings.set(sighting.id, sighting);
    this.notes.note(`sighted ${sighting.id}`);
  }
  lost(id: EntityId): void {
    this.sightings.delete(id);
    this.notes.note(`lost ${id}`);
  }
  accepted(link: Link): void {
    this.links.push(link);
    this.notes.note('accepted');
  }
  problem(sentence: string | undefined): void {
    this.trouble = sentence;
    this.notes.note(`problem ${sentence ?? 'over'}`);
  }

  /** The next link that somebody opens. */
  async nextLink(): Promise<Link> {
    const before = this.links.length;
    await this.notes.until(() => this.links.length > before);
    return this.links[before] as Link;
  }

  until(met: () => boolean): Promise<void> {
    return this.notes.until(met);
  }
}

/** Carries bytes to `port` on loopback and can drop everything at once, or stop reading. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(host: string, port: number) {
    this.#server = createServer((near) => {
      const far = netConnect({ host, port });
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => other.destroy());
        socket.pipe(other);
      }
    });
  }

  /** Listens on `host`, 127.0.0.1 or ::1, and connects to the same. */
  static async to(host: string, port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(host, port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, host, resolve));
    return proxy;
  }

  get address(): string {
    const bound = this.#server.address() as AddressInfo;
    return formatHostPort(bound.address, bound.port);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

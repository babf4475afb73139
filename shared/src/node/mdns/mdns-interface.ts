import type { RemoteInfo, Socket, SocketOptions } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { Bonjour, type ServiceConfig } from 'bonjour-service';
import type { Clock, Logger } from '../../ports.js';
import { TokenBucket } from '../../token-bucket.js';
import { isOwnAddress, zoneOf } from './addresses.js';
import type { NetworkInterface } from './network-interfaces.js';
import { PacketGuard } from './packet-guard.js';
import type { DnsPacket, DnsQuestion, DnsRecord } from './records.js';

/** What multicast-dns, the socket inside bonjour-service, offers. */
interface Multicast extends EventEmitter {
  query(questions: DnsQuestion[], done: (error?: Error | null) => void): void;
  respond(packet: { answers: readonly DnsRecord[] }, done: (error?: Error | null) => void): void;
  destroy(done: () => void): void;
}

/** The responder inside bonjour-service. */
interface Responder {
  readonly mdns: Multicast;
  register(records: readonly DnsRecord[]): void;
  unregister(records: readonly DnsRecord[]): void;
}

export interface MdnsInterfaceOptions {
  readonly network: NetworkInterface;
  readonly family: 4 | 6;
  /** UDP port; 5353 but in tests that must not disturb anybody. */
  readonly port: number;
  readonly createSocket: (options: SocketOptions) => Socket;
  readonly clock: Clock;
  readonly logger: Logger;
  /** All interfaces in use, to tell their packets apart. */
  readonly all: () => readonly NetworkInterface[];
  /** An answer or announcement that passed the guard; its content is anybody's. */
  readonly response: (packet: DnsPacket, source: string) => void;
  /** Somebody else asked for these names, in lower case. */
  readonly asked: (names: ReadonlySet<string>) => void;
}

const ANSWERS_PER_SECOND = 5;
const MOST_QUESTIONS_ANSWERED = 8;
const REANNOUNCE_MS = 1_000;
const CLOSE_LIMIT_MS = 300;
/** A socket that heard itself before and misses so many of its own packets has lost its group membership. */
const DEAF_AFTER = 3;

/**
 * Multicast DNS on one network interface, for one family of addresses: one instance of bonjour-service, of which the socket and
 * the responder are used. Its Service is not: that announces every address of the machine everywhere and throws where the system
 * forbids to list them. Its Browser is not: it keeps whatever it hears and fails on records that miss their counterpart.
 * Nothing that arrives or fails here ends the process.
 */
export class MdnsInterface {
  readonly #options: MdnsInterfaceOptions;
  readonly #responder: Responder;
  readonly #guard: PacketGuard;
  readonly #answers: TokenBucket;
  #records: readonly DnsRecord[] = [];
  #ownNames: ReadonlySet<string> = new Set();
  #trouble: string | undefined;
  /** Member of the group on this interface, and sending there: before, packets would go out wherever the default route leads. */
  #joined = false;
  #steered = false;
  #waiting: { announce: boolean; questions: DnsQuestion[] } = { announce: false, questions: [] };
  #heardMyself = false;
  #unheard = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #cancelReannounce: (() => void) | undefined;
  #closed = false;

  constructor(options: MdnsInterfaceOptions) {
    this.#options = options;
    this.#guard = new PacketGuard(options.clock, options.network, () => options.all().filter((i) => i.name !== options.network.name));
    this.#answers = new TokenBucket(options.clock, ANSWERS_PER_SECOND, 2 * ANSWERS_PER_SECOND);
    this.#responder = this.#open();
  }

  /** Code of the last failure, such as ENETUNREACH; undefined when the last packet could be sent. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Lost its membership, as happens when a card is pulled and put back: must be opened anew. */
  get deaf(): boolean {
    return this.#heardMyself && this.#unheard >= DEAF_AFTER;
  }

  /** Announces `records` now and once more a second later, and answers questions for them, in place of all earlier ones. */
  publish(records: readonly DnsRecord[]): void {
    this.#responder.unregister(this.#records);
    this.#responder.register(records);
    this.#records = records;
    this.#ownNames = new Set(records.map((r) => r.name.toLowerCase()));
    this.announce();
    this.#cancelReannounce?.();
    this.#cancelReannounce = this.#options.clock.after(REANNOUNCE_MS, () => this.announce());
  }

  /** Sends the records once more. */
  announce(): void {
    if (this.#records.length === 0) return;
    if (!this.#joined) {
      this.#waiting.announce = true;
      return;
    }
    this.#unheard++;
    this.#attempt((done) => this.#responder.mdns.respond({ answers: this.#records }, done));
  }

  ask(questions: DnsQuestion[]): void {
    if (!this.#joined) {
      this.#waiting.questions = questions;
      return;
    }
    this.#askedAtMs = this.#options.clock.monotonicMs();
    if (this.#records.length > 0) this.#unheard++;
    this.#attempt((done) => this.#responder.mdns.query(questions, done));
  }

  /** Says goodbye if asked to, and gives the socket back. */
  async close(goodbye: boolean): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelReannounce?.();
    const farewell = this.#records.map((r) => ({ ...r, ttl: 0 }));
    this.#responder.unregister(this.#records);
    if (goodbye && this.#joined && farewell.length > 0)
      await this.#within((done) => this.#responder.mdns.respond({ answers: farewell }, done));
    await this.#within((done) => this.#responder.mdns.destroy(done));
  }

  #open(): Responder {
    const { network, family, port, createSocket } = this.#options;
    const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', reuseAddr: true, ipv6Only: family === 6 });
    this.#shield(socket);
    const address = network.addresses.find((a) => a.family === 4)?.address;
    // Bound to the unicast address of the interface, a socket on Linux would hear no multicast at all.
    const where =
      family === 4
        ? { interface: address, bind: '0.0.0.0' }
        : { type: 'udp6', ip: 'ff02::fb', interface: `::%${zoneOf(network)}`, bind: '::' };
    const options = { socket, port, ...where } as unknown as Partial<ServiceConfig>;
    const responder = (new Bonjour(options, (error: unknown) => this.#failed(error)) as unknown as { server: Responder }).server;
    responder.mdns.on('error', (error) => this.#failed(error));
    responder.mdns.on('warning', (error) => this.#warned(error));
    responder.mdns.on('networkInterface', () => this.#join());
    this.#guardPackets(socket);
    this.#guardQueries(responder);
    responder.mdns.on('response', (packet: DnsPacket, source: RemoteInfo) => this.#heard(packet, source));
    return responder;
  }

  /** Puts the guard between the socket and the decoder. */
  #guardPackets(socket: Socket): void {
    const decoders = socket.listeners('message');
    socket.removeAllListeners('message');
    socket.on('message', (message, source) => {
      if (this.#closed || !this.#joined || !this.#guard.admits(message, source)) return;
      try {
        for (const decode of decoders) decode.call(socket, message, source);
      } catch (error) {
        this.#options.logger.debug('mDNS packet dropped', { from: source.address, error: String(error) });
      }
    });
  }

  /** Lets the responder see only questions about our own records, and not more of them than a network needs. */
  #guardQueries(responder: Responder): void {
    const responders = responder.mdns.listeners('query');
    responder.mdns.removeAllListeners('query');
    responder.mdns.on('query', (packet: DnsPacket, source: RemoteInfo) => {
      const names = new Map(packet.questions.map((q) => [`${q.type} ${q.name.toLowerCase()}`, q]));
      if (!this.#isEcho(source)) this.#options.asked(new Set(packet.questions.map((q) => q.name.toLowerCase())));
      const questions = [...names.values()].filter((q) => this.#ownNames.has(q.name.toLowerCase())).slice(0, MOST_QUESTIONS_ANSWERED);
      if (questions.length === 0 || !this.#answers.take()) return;
      for (const respond of responders) respond.call(responder.mdns, { questions });
    });
  }

  /** Our own question, come back through the loop of the multicast group. */
  #isEcho(source: RemoteInfo): boolean {
    return isOwnAddress(source.address, this.#options.network) && this.#options.clock.monotonicMs() - this.#askedAtMs < 250;
  }

  #heard(packet: DnsPacket, source: RemoteInfo): void {
    const mine = this.#records.find((r) => r.type === 'SRV')?.name;
    if (
      mine !== undefined &&
      isOwnAddress(source.address, this.#options.network) &&
      packet.answers.some((r) => r.name === mine || r.data === mine)
    ) {
      this.#heardMyself = true;
      this.#unheard = 0;
    }
    this.#options.response(packet, source.address);
  }

  #attempt(send: (done: (error?: Error | null) => void) => void): void {
    if (this.#closed) return;
    try {
      send((error) => (error ? this.#failed(error) : this.#succeeded()));
    } catch (error) {
      this.#failed(error);
    }
  }

  #within(action: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(CLOSE_LIMIT_MS, resolve);
      const done = () => {
        cancel();
        resolve();
      };
      try {
        action(done);
      } catch {
        done();
      }
    });
  }

  #succeeded(): void {
    this.#trouble = undefined;
  }

  #failed(error: unknown): void {
    const code = String((error as NodeJS.ErrnoException | null)?.code ?? error);
    if (code !== this.#trouble)
      this.#options.logger.debug('mDNS does not work here', { interface: this.#options.network.name, error: String(error) });
    this.#trouble = code;
  }

  #join(): void {
    this.#joined = this.#steered;
    if (!this.#joined || this.#closed) return;
    const { announce, questions } = this.#waiting;
    this.#waiting = { announce: false, questions: [] };
    this.#trouble = undefined;
    if (announce) this.announce();
    if (questions.length > 0) this.ask(questions);
  }

  /** A packet that cannot be decoded is the sender's trouble; a failed system call is ours. */
  #warned(error: unknown): void {
    if ((error as NodeJS.ErrnoException | null)?.syscall !== undefined) this.#failed(error);
    else this.#options.logger.debug('mDNS packet not understood', { interface: this.#options.network.name, error: String(error) });
  }

  /** The library calls these from inside an event of the socket, where an error would have no one to catch it. */
  #shield(socket: Socket): void {
    const { setMulticastTTL, setMulticastLoopback, setMulticastInterface } = socket;
    const tolerated = (call: () => unknown) => {
      try {
        call();
      } catch (error) {
        this.#failed(error);
      }
    };
    Object.assign(socket, {
      setMulticastTTL: (ttl: number) => tolerated(() => setMulticastTTL.call(socket, ttl)),
      setMulticastLoopback: (flag: boolean) => tolerated(() => setMulticastLoopback.call(socket, flag)),
      setMulticastInterface: (address: string) =>
        tolerated(() => {
          setMulticastInterface.call(socket, address);
          this.#steered = true;
        }),
    });
  }
}

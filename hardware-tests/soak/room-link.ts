import type { Link, LinkHandler } from '@cpns/shared';

/** One end of a connection within this process, in real time: every frame arrives, in order, in a later turn of the event loop. */
export class RoomLink implements Link {
  readonly technology = 'sim';
  readonly remote = 'room';
  readonly initiated: boolean;
  readonly #over: () => void;
  #peer: RoomLink | undefined;
  #handler: LinkHandler | undefined;
  #arriving: (Uint8Array | { readonly closed: string })[] = [];
  #scheduled = false;
  #ended = false;

  private constructor(initiated: boolean, over: () => void) {
    this.initiated = initiated;
    this.#over = over;
  }

  /** Two ends; `over` is called when the connection ends. */
  static pair(over: () => void): { readonly initiator: RoomLink; readonly responder: RoomLink } {
    const [initiator, responder] = [new RoomLink(true, over), new RoomLink(false, over)];
    initiator.#peer = responder;
    responder.#peer = initiator;
    return { initiator, responder };
  }

  get #other(): RoomLink {
    return this.#peer as RoomLink;
  }

  open(handler: LinkHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  send(octets: Uint8Array): void {
    if (!this.#ended) this.#other.#arrive(octets.slice());
  }

  /** The other end hears of it behind everything that was sent, this end at once. */
  close(reason: string): void {
    if (this.#ended) return;
    this.#end(reason);
    this.#other.#arrive({ closed: 'the other side closed the connection' });
  }

  /** What is on its way is lost. */
  break(): void {
    this.#end('the connection broke');
    this.#other.#end('the connection broke');
  }

  #arrive(what: Uint8Array | { readonly closed: string }): void {
    if (this.#ended) return;
    this.#arriving.push(what);
    this.#schedule();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#arriving = [{ closed: reason }];
    this.#schedule();
    this.#over();
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined || this.#arriving.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    while (this.#arriving.length > 0) {
      const next = this.#arriving.shift() as Uint8Array | { readonly closed: string };
      if (next instanceof Uint8Array) this.#handler?.frame(next);
      else {
        this.#ended = true;
        this.#arriving = [];
        this.#handler?.closed(next.closed);
        this.#over();
      }
    }
  }
}

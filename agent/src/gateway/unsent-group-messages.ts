import { type BodyOf, sgData } from '@cpns/shared/messages';
import type { ServerChannel } from '../entity/server-channel.js';

type GroupMessage = BodyOf<typeof sgData>;

/** Messages, and octets of them, that wait for the server at most. */
const MESSAGES_MAX = 256;
const OCTETS_MAX = 1_048_576;

/**
 * Group messages of members behind a PN GW on their way to the server. While it cannot be reached a number of them waits in memory: the
 * members here have them already, the others get them when the server is back.
 */
export class UnsentGroupMessages {
  readonly #server: () => ServerChannel | undefined;
  readonly #waiting: GroupMessage[] = [];
  #octets = 0;

  /** `server`: the channel to the server, while it can be reached. */
  constructor(server: () => ServerChannel | undefined) {
    this.#server = server;
  }

  /** Now, or when the server is back. False: too much waits already. */
  send(message: GroupMessage): boolean {
    if (this.sendNow(message)) return true;
    const octets = message.message.length;
    if (this.#waiting.length >= MESSAGES_MAX || this.#octets + octets > OCTETS_MAX) return false;
    this.#waiting.push(message);
    this.#octets += octets;
    return true;
  }

  /** False: the server cannot be reached. */
  sendNow(message: GroupMessage): boolean {
    const server = this.#server();
    server?.notify(sgData, message);
    return server !== undefined;
  }

  /** The server is back. */
  flush(): void {
    const waiting = this.#waiting.splice(0);
    this.#octets = 0;
    for (const message of waiting) this.send(message);
  }
}

import type { Logger, TokenBucket } from '@cpns/shared';
import { REFUSALS, type Refusal } from './broker.js';

const SENTENCES: Readonly<Record<Refusal, string>> = {
  'handshake-rate': 'A connection was refused: its address opens too many (uplink.handshakesPerSecondPerAddress).',
  'connection-cap': 'A connection was refused: too many are open (uplink.maxConnections, uplink.maxPendingConnections).',
  'handshake-failed': 'A TLS handshake failed: unknown device, wrong EUKey, or no client of ours.',
  'connect-deadline': 'A connection was closed: it did not complete MQTT CONNECT in time (uplink.connectTimeoutMs).',
  'frame-size': 'A connection was closed: it began a frame that is too long (uplink.maxFrameOctets).',
  'no-connect': 'A connection was closed: it did not begin with MQTT CONNECT.',
  'frame-rate': 'A device was disconnected: it sends too many frames (uplink.framesPerSecondPerDevice).',
  'client-id': 'A device was refused: its MQTT client id is not its entity id.',
  'not-authorized': 'A device used a topic that is not its own.',
  'handler-failed': 'A message could not be taken in; the device was disconnected and will repeat it.',
};

/** Counts what was turned away and logs it, as far as that does not fill the log. */
export class Refusals {
  readonly counts: Record<Refusal, number>;
  readonly #logger: Logger;
  readonly #lines: TokenBucket;

  /** `lines` bounds how many lines a second go out at `info`; the rest is `debug`. */
  constructor(logger: Logger, lines: TokenBucket) {
    this.#logger = logger;
    this.#lines = lines;
    this.counts = Object.fromEntries(REFUSALS.map((refusal) => [refusal, 0])) as Record<Refusal, number>;
  }

  count(refusal: Refusal, fields: Readonly<Record<string, unknown>>): void {
    this.counts[refusal]++;
    if (this.#lines.take()) this.#logger.info(SENTENCES[refusal], fields);
    else this.#logger.debug(SENTENCES[refusal], fields);
  }
}

import type { Clock, CpnsError } from '@cpns/shared';
import { allowsGateway, type Subscription } from '@cpns/shared/messages';
import type { Happening } from './device-context.js';

/** A device that the server did not let be PN GW does not offer itself for so long. */
const REFUSED_FOR_MS = 15 * 60_000;

export interface GatewayPardonOptions {
  readonly clock: Clock;
  /** Of the enrolment. */
  readonly subscription: Subscription;
  /** Whether the subscription lets this device be PN GW, as far as is known. */
  subscribed(allowed: boolean): void;
  happened(what: Happening): void;
}

/** A device that the server refused as PN GW offers itself again later: a subscription can change, and the server says so only to whom asks. */
export class GatewayPardon {
  readonly #options: GatewayPardonOptions;
  #cancel = () => {};

  constructor(options: GatewayPardonOptions) {
    this.#options = options;
  }

  refused(error: CpnsError): void {
    const { clock, subscription, subscribed, happened } = this.#options;
    happened({ type: 'problem', text: `The server does not let this device be PN GW: ${error.message}` });
    subscribed(false);
    this.#cancel();
    this.#cancel = clock.after(REFUSED_FOR_MS, () => subscribed(allowsGateway(subscription)));
  }
}

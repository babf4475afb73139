import { userIdField } from './fields.js';
import { bool, field, type Infer, list, struct, text } from './schema.js';

/** The service that a subscription must list so that its devices may be PN GW. */
export const PN_GW_SERVICE = 'pn-gw';

/** Subscription information of a user (seed 003, 6.6.1.1 step 4; fields are ours). */
export const subscription = struct({
  subscriptionId: field(1, text(64)),
  userId: field(2, userIdField),
  services: field(3, list(text(32), 32)),
  chargeable: field(4, bool),
});
export type Subscription = Infer<typeof subscription>;

/** Seed 002 steps 9 to 11: may devices of this subscription be PN GW? */
export function allowsGateway(value: Subscription): boolean {
  return value.services.includes(PN_GW_SERVICE);
}

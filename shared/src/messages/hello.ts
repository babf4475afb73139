import { contents } from './contents.js';
import {
  capabilitiesField,
  entityIdField,
  keyIdField,
  nonceField,
  offeredKeyField,
  publicKeyField,
  requestField,
  serverIdField,
  versionField,
  wrappedKeyField,
} from './fields.js';
import { bool, bytes, field, type Infer, list, oneOf, optional, struct, uint } from './schema.js';

/** What a hello asks for; part of the request octets, so a relay cannot turn one flow into another. */
export const RequestFlow = { Setup: 1, Consent: 2, RegisterMember: 3, RegisterNewcomer: 4, Join: 5, Invite: 6 } as const;
export type RequestFlow = (typeof RequestFlow)[keyof typeof RequestFlow];

/** Type of PN Setup (seed 003, 6.6.1.1 step 1, A to C). */
export const SetupType = { OneToOne: 1, All: 2, Named: 3 } as const;
export type SetupType = (typeof SetupType)[keyof typeof SetupType];

/** Request octets: the hello's own words, hashed into capsHash beside the Device Capabilities. */
export const helloRequest = struct({
  flow: field(1, oneOf(RequestFlow)),
  setupType: optional(2, oneOf(SetupType)),
  /** PNEs to be invited, with setup type Named. */
  named: optional(3, list(entityIdField, 1000)),
  consent: optional(4, bool),
  contents: optional(5, contents),
  /** PN GW #1 of the PNE's owner (seed 004 step 2): a hint. */
  ownerGateway: optional(6, entityIdField),
  /** Highest version and suite that the PNE supports. */
  version: field(7, versionField),
  suite: field(8, versionField),
});
export type HelloRequest = Infer<typeof helloRequest>;

/** First message of the server handshake, made by the PNE and forwarded octet for octet (protocol a.2b). */
export const hello = struct({
  version: field(1, versionField),
  suite: field(2, versionField),
  idPne: field(3, entityIdField),
  kid: field(4, keyIdField),
  /** {@link helloRequest} octets. */
  request: field(5, requestField),
  capabilities: field(6, capabilitiesField),
  /** LocalEUKey needed (1) or not (0). */
  localEuKeyNeeded: field(7, uint(1)),
  randPne: field(8, nonceField),
  ePne: field(9, offeredKeyField),
  reqMac: field(10, bytes(16)),
});
export type Hello = Infer<typeof hello>;

/** Hello of a PN GW in Connection setup: there are no capabilities and no request octets (capsHash = SHA-256 of nothing). */
export const gatewayHello = struct({
  version: field(1, versionField),
  suite: field(2, versionField),
  idPne: field(3, entityIdField),
  kid: field(4, keyIdField),
  randPne: field(8, nonceField),
  ePne: field(9, offeredKeyField),
  reqMac: field(10, bytes(16)),
});
export type GatewayHello = Infer<typeof gatewayHello>;

/** The server's challenge as the PNE gets it (seed 003, 6.6.1.1 step 6, with what the PNE must know to agree on it). */
export const challenge = struct({
  version: field(1, versionField),
  suite: field(2, versionField),
  idServer: field(3, serverIdField),
  /** The PN GW; absent in Connection setup. */
  idGw: optional(4, entityIdField),
  /** Empty in Connection setup. */
  pnId: field(5, bytes(0, 16)),
  randServer: field(6, nonceField),
  eServer: field(7, offeredKeyField),
  wrapped: field(8, wrappedKeyField),
});
export type Challenge = Infer<typeof challenge>;

/** A key with which the server signs rekeys. */
export const serverKey = struct({ keyId: field(1, uint(0xffffffff)), ed25519: field(2, publicKeyField) });
export type ServerKey = Infer<typeof serverKey>;

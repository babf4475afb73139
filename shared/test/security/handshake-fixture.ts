import { expect } from 'vitest';
import { type EntityId, entityId, serverId } from '../../src/ids.js';
import {
  type EuKeyRoot,
  euKeyPrk,
  gatewayHeader,
  type HandshakeChallenge,
  type HandshakeHello,
  helloCapsHash,
  nobleProvider,
  PneHandshake,
  type PneHandshakeOptions,
  requestMac,
  rootFromPrk,
  Secret,
  ServerHandshake,
  type ServerHandshakeOptions,
  verifyHello,
} from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';

export const provider = nobleProvider;
export const entropy = new InsecureSeededEntropy('handshakes');
export const NONE = new Uint8Array(0);

export const idServer = serverId('cpns.example');
export const [pne, gateway, otherGateway, otherPne] = ['pne-a', 'gateway-b', 'gateway-c', 'pne-m'].map(entityId) as [
  EntityId,
  EntityId,
  EntityId,
  EntityId,
];
export const pnId = new Uint8Array(16).fill(0xa1);
export const otherPnId = new Uint8Array(16).fill(0xa2);
export const randGw = new Uint8Array(32).fill(0xb1);

export function newRoot(): EuKeyRoot {
  return rootFromPrk(provider, euKeyPrk(provider, new Secret('EUKey', entropy.bytes(32))));
}

export const rootPne = newRoot();
export const rootGw = newRoot();

export const pneOptions: PneHandshakeOptions = {
  provider,
  entropy,
  root: rootPne,
  idServer,
  idPne: pne,
  idGw: gateway,
  capabilities: new Uint8Array([0xa1, 1, 2]),
  request: new Uint8Array([0xa1, 3, 4]),
  localEuKeyNeeded: true,
};

/** Connection setup of the PN GW. */
export const setupOptions: PneHandshakeOptions = {
  ...pneOptions,
  root: rootGw,
  idPne: gateway,
  idGw: '',
  capabilities: NONE,
  request: NONE,
  localEuKeyNeeded: false,
};

/** What an honest server makes of a hello. */
export function challengeFor(hello: HandshakeHello, options: Partial<ServerHandshakeOptions> = {}): ServerHandshake {
  const run = { rootPne, rootGw, idPne: pne, idGw: gateway as EntityId | '', pnId, randGw, ...options };
  const verified = verifyHello({ provider, root: run.rootPne, idGw: run.idGw, hello });
  return ServerHandshake.challenge({ provider, entropy, idServer, ...run, hello: verified });
}

/** As the PN GW relays it. */
export function relayed(server: ServerHandshake, change: Partial<HandshakeChallenge> = {}): HandshakeChallenge {
  const { randServer, eServer, wrapped } = server.challenge;
  return { version: 1, suite: 1, idServer, idGw: gateway, pnId, randServer, eServer, wrapped, ...change };
}

/** PNE and server up to the challenge. */
export function challenged(options: Partial<PneHandshakeOptions> = {}): { device: PneHandshake; server: ServerHandshake } {
  const device = PneHandshake.begin({ ...pneOptions, ...options });
  return { device, server: challengeFor(device.hello, { requireForwardSecrecy: options.requireForwardSecrecy ?? true }) };
}

/** The header as the PN GW sees it. */
export function headerAtGateway(device: PneHandshake, server: ServerHandshake): Uint8Array {
  return gatewayHeader({ provider, idServer, idPne: pne, idGw: gateway, pnId, hello: device.hello, challenge: server.challenge });
}

export const expected = { pnId, idGw: gateway } as const;

/** The one error of a failed check: code for the log, status for the peer. */
export function authError(code: string): unknown {
  return expect.objectContaining({ family: 'Auth', code, status: 20, retryable: false });
}

/** A hello altered by the very device that makes it, so its reqMAC holds. */
export function signedAgain(hello: HandshakeHello, idGw: EntityId | '', root: EuKeyRoot = rootPne): HandshakeHello {
  return { ...hello, reqMac: requestMac(provider, root.kAuth, { ...hello, idGw, capsHash: helloCapsHash(provider, idGw, hello) }) };
}

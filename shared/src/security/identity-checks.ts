import type { EntityId } from '../ids.js';
import { authFailed } from './auth-error.js';
import type { HandshakeHello } from './handshake-types.js';

/** What the key store says of a kid. */
export interface KeyRow {
  readonly kid: string;
  readonly entityId: EntityId;
  /** False: revoked, replaced or not yet in force. */
  readonly active: boolean;
}

/** How a hello reached the server. */
export interface HelloArrival {
  /** True for Connection setup: a PN GW (or a PNE on its own uplink) speaks for itself, outside any SK session. */
  readonly connectionSetup: boolean;
  /** Whose SK session opened the request; undefined when it came outside one. */
  readonly session: EntityId | undefined;
  /** Whose topic it was published on: the identity of the TLS connection. */
  readonly topic: EntityId;
  readonly envelopeSender: EntityId;
  readonly hello: Pick<HandshakeHello, 'idPne' | 'kid'>;
  /** The row of the hello's kid. */
  readonly row: KeyRow | undefined;
}

/** Who the run is between, as the server decided it. */
export interface RunIdentities {
  readonly idPne: EntityId;
  readonly idGw: EntityId | '';
}

/**
 * Decides ID_A and ID_B of a run before anything else is done with the hello. ID_B is whoever opened the session, never what a body
 * says; ID_A is the owner of the key that the hello names. Sessions are filed under the ids returned here.
 * @throws CpnsError Auth/WrongSender, NotInSession, UnknownKid, RevokedKid, KidOfAnother, SelfAsGateway, NotOwnSetup
 */
export function decideIdentities(arrival: HelloArrival): RunIdentities {
  const { topic, session, hello, row } = arrival;
  if (arrival.envelopeSender !== topic)
    throw authFailed('WrongSender', 'The envelope names another sender than the connection it came on.');
  if (!arrival.connectionSetup && session !== topic) {
    throw authFailed('NotInSession', 'The request did not come in the SK session of the PN GW that sent it.');
  }
  if (row === undefined || row.kid !== hello.kid) throw authFailed('UnknownKid', 'The hello names a key that this server does not know.');
  if (!row.active) throw authFailed('RevokedKid', 'The hello names a key that was revoked.');
  if (row.entityId !== hello.idPne) throw authFailed('KidOfAnother', 'The hello names a key that belongs to another device.');
  if (arrival.connectionSetup) {
    if (row.entityId !== topic) throw authFailed('NotOwnSetup', 'Connection setup was asked for in the name of another device.');
    return { idPne: row.entityId, idGw: '' };
  }
  if (row.entityId === topic) throw authFailed('SelfAsGateway', 'A device cannot be its own PN GW.');
  return { idPne: row.entityId, idGw: topic };
}

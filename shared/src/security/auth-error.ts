import { CpnsError } from '../errors.js';
import { Status } from '../messages/status.js';

/**
 * A failed check of an authentication. `code` and `message` are for the own log; a peer only ever gets the one status, so that it
 * learns nothing about which check failed.
 */
export function authFailed(code: string, message: string): CpnsError {
  return new CpnsError('Auth', code, message, { status: Status.AuthFailed });
}

/** A step asked for out of order: our own mistake, not the peer's. */
export function outOfOrder(what: string): CpnsError {
  return new CpnsError('Internal', 'OutOfOrder', `${what} was called out of order.`);
}

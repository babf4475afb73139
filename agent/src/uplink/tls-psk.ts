import { connect, type TLSSocket } from 'node:tls';
import { abortReason, type Clock, CpnsError, type EntityId, formatHostPort, type HostPort, withDeadline } from '@cpns/shared';
import type { Secret } from '@cpns/shared/security';

/** The one suite of the uplink (architecture: stack): mutual, forward secret, no certificates. */
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305';
/** From dialling to a finished handshake. */
const CONNECT_MS = 5000;
/** How a server says that the keys differ, or that it has none for the identity. */
const KEY_ALERT = /ALERT_(BAD_RECORD_MAC|DECRYPT_ERROR|DECRYPTION_FAILED|UNKNOWN_PSK_IDENTITY)$/;

export interface PskIdentity {
  readonly entityId: EntityId;
  /** K_tls (security 1.3). */
  readonly key: Secret;
}

/**
 * A TLS-PSK connection to the CPNS Server. That it stands proves the key to both ends.
 * @throws CpnsError Transport/ServerUnreachable, Auth/ServerRefusedKey, Timeout/DeadlinePassed, or the reason of `signal`
 */
export function connectTlsPsk(address: HostPort, identity: PskIdentity, clock: Clock, signal: AbortSignal): Promise<TLSSocket> {
  const where = formatHostPort(address.host, address.port);
  const sentence = `The server at ${where} does not answer: check that it runs and that nothing between blocks the port.`;
  return withDeadline(clock, CONNECT_MS, signal, (limit) => handshake(address, identity, limit), sentence);
}

function handshake({ host, port }: HostPort, { entityId, key }: PskIdentity, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ciphers: CIPHERS,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ecdhCurve: 'X25519:P-256',
      pskCallback: () => ({ identity: entityId, psk: key.reveal() }),
      // There is no certificate: the key is the proof, of both ends.
      checkServerIdentity: () => undefined,
    });
    socket.setNoDelay(true);
    let reached = false;
    const abort = () => {
      socket.destroy();
      reject(abortReason(signal));
    };
    const failed = (error: Error) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(failure(formatHostPort(host, port), reached, error));
    };
    socket.once('connect', () => {
      reached = true;
    });
    socket.once('error', failed);
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', failed);
      // Whoever takes the socket hears of its end by `close`.
      socket.on('error', () => {});
      resolve(socket);
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** What a person can do about a connection that did not come about. */
function failure(where: string, reached: boolean, cause: Error): CpnsError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (reached && code.startsWith('ERR_SSL_')) {
    if (KEY_ALERT.test(code)) {
      const sentence = `The server at ${where} does not accept the key of this device: the device is unknown or revoked there; enrol it again.`;
      return new CpnsError('Auth', 'ServerRefusedKey', sentence, { cause });
    }
    return new CpnsError('Transport', 'ServerUnreachable', `What answers at ${where} is no CPNS Server; check the address.`, { cause });
  }
  return new CpnsError('Transport', 'ServerUnreachable', `The server at ${where} cannot be reached: ${hint(code, reached)}.`, { cause });
}

function hint(code: string, reached: boolean): string {
  if (reached) return 'it closed the connection before a key was agreed';
  if (code === 'ECONNREFUSED') return 'nothing listens there; check that it runs';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name is not known; check the address and the DNS';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'there is no route; check the network';
  return code === '' ? 'the connection failed' : `the connection failed (${code})`;
}

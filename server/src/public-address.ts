import { networkInterfaces } from 'node:os';
import { formatHostPort } from '@cpns/shared';
import type { BrokerAddress } from './broker/broker.js';

const ANY: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

/** Whether a listener at `host` takes connections on every address of this machine. */
export function listensEverywhere(host: string): boolean {
  return ANY.has(host);
}

/**
 * Where devices will look for the server, `HOST:PORT`: as configured; else where it listens; else the first address of this machine,
 * IPv4 before IPv6, loopback only when there is nothing else.
 */
export function publicAddress(configured: string | undefined, bound: BrokerAddress): string {
  if (configured !== undefined) return configured;
  return formatHostPort(listensEverywhere(bound.host) ? (firstAddress() ?? '127.0.0.1') : bound.host, bound.port);
}

function firstAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces())
    .flatMap((known) => known ?? [])
    .filter((known) => !known.internal && (known.family === 'IPv4' || known.scopeid === 0));
  return (addresses.find((known) => known.family === 'IPv4') ?? addresses[0])?.address;
}

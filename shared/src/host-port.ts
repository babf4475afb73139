import { CpnsError } from './errors.js';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})$/;

/** Reads `host:port` or `[IPv6]:port`. @throws CpnsError Config/BadAddress */
export function parseHostPort(text: string): HostPort {
  const match = FORM.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CpnsError('Config', 'BadAddress', `"${text.slice(0, 64)}" is not an address: use HOST:PORT or [IPv6]:PORT.`);
  }
  return { host, port };
}

export function isHostPort(text: string): boolean {
  const match = FORM.exec(text);
  return match !== null && Number(match[3]) >= 1 && Number(match[3]) <= 65_535;
}

export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

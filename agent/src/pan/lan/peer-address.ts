import { CpnsError, formatHostPort, type HostPort, parseHostPort } from '@cpns/shared';

/** IPv6 link-local: the zone says on which interface. */
const ZONED = /^\[([0-9a-fA-F:.]{2,45})%([A-Za-z0-9._@-]{1,32})\]:([0-9]{1,5})$/;

/**
 * Reads an address under which a device can be dialled: `host:port`, `[IPv6]:port` or `[IPv6%zone]:port`.
 * @throws CpnsError Config/BadAddress
 */
export function parsePeerAddress(text: string): HostPort {
  const [, address, zone = '', portText = ''] = ZONED.exec(text) ?? [];
  const { host, port } = parseHostPort(address === undefined ? text : `[${address}]:${portText}`);
  if (!URL.canParse(`ws://${formatHostPort(host, port)}`)) {
    throw new CpnsError('Config', 'BadAddress', `"${text.slice(0, 64)}" is not an address: use HOST:PORT or [IPv6]:PORT.`);
  }
  return { host: address === undefined ? host : `${host}%${zone}`, port };
}

/** Can it be read by {@link parsePeerAddress}? */
export function isPeerAddress(text: string): boolean {
  try {
    parsePeerAddress(text);
    return true;
  } catch {
    return false;
  }
}

/** The addresses that can be read. @throws CpnsError Config/BadAddress of the first when none can */
export function readablePeerAddresses(texts: readonly string[]): HostPort[] {
  const addresses: HostPort[] = [];
  let failure: unknown = new CpnsError(
    'Transport',
    'NoAddress',
    'No address of the device is known: check that it is on and in the same network.',
  );
  for (const text of texts) {
    try {
      addresses.push(parsePeerAddress(text));
    } catch (error) {
      failure = error;
    }
  }
  if (addresses.length === 0) throw failure;
  return addresses;
}

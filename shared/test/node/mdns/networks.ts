import type { HostNetwork, NetworkInterface } from '../../../src/node/index.js';

/** The loopback interface. */
export const loopback: NetworkInterface = {
  name: 'lo',
  loopback: true,
  mac: '00:00:00:00:00:00',
  addresses: [
    { address: '127.0.0.1', family: 4, prefix: 8, scope: 0 },
    { address: '::1', family: 6, prefix: 128, scope: 0 },
  ],
};

/** A card in a home network that also has public IPv6 addresses. */
export const wlan: NetworkInterface = {
  name: 'wlan0',
  loopback: false,
  mac: '02:00:00:00:00:01',
  addresses: [
    { address: '192.0.2.10', family: 4, prefix: 24, scope: 0 },
    { address: '2001:db8:1::10', family: 6, prefix: 64, scope: 0 },
    { address: 'fe80::10', family: 6, prefix: 64, scope: 3 },
  ],
};

/** A computer whose interfaces the test decides. */
export class FakeHost implements HostNetwork {
  constructor(
    public up: readonly NetworkInterface[] | Error,
    public source: string | undefined = undefined,
  ) {}

  interfaces(): ReturnType<HostNetwork['interfaces']> {
    const { up } = this;
    if (up instanceof Error) throw up;
    return Object.fromEntries(
      up.map((network) => [
        network.name,
        network.addresses.map(({ address, family, prefix, scope }) => {
          const common = { address, netmask: '', mac: network.mac, internal: network.loopback, cidr: `${address}/${prefix}` };
          return family === 4 ? { ...common, family: 'IPv4' as const } : { ...common, family: 'IPv6' as const, scopeid: scope };
        }),
      ]),
    );
  }

  sourceAddress(): Promise<string | undefined> {
    return Promise.resolve(this.source);
  }
}

/** A UDP port that no other test uses, so that floods disturb nobody. */
export function privatePort(): number {
  return 20_000 + Math.floor(Math.random() * 10_000);
}

/** A name that nobody else announces. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
}

import { isIP } from 'node:net';
import { parsePeerAddress } from '@cpns/agent';
import { entityId, formatHostPort, isHostPort, parseHostPort, parseTopic, pnId, serverId, userId } from '@cpns/shared';
import { must, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

const EXAMPLES = {
  'host-name': 'cpns.example.org:8883',
  ipv4: '192.0.2.7:1',
  ipv6: '[2001:db8::1]:65535',
  'ipv6-zone': '[fe80::1%eth0]:7474',
  'entity-id': 'phone-1',
  'pn-id': '00112233445566778899aabbccddeeff',
};

export const addresses: FuzzTarget = {
  name: 'addresses',
  title: 'addresses and ids given by hand',
  tokens: [':', '[', ']', '%', '::', '.', '-', ':0', ':65536', '٣', '\n', '\u0000', '__proto__'],
  seeds: () => new Map(Object.entries(EXAMPLES).map(([name, text]) => [name, octetsOf(text)])),
  open: () => ({
    fuzz(data) {
      const text = textOf(data);
      const address = unlessRefused(['Config'], () => parseHostPort(text));
      must((address !== undefined) === isHostPort(text), 'isHostPort and parseHostPort disagree');
      if (address !== undefined) {
        const again = parseHostPort(formatHostPort(address.host, address.port));
        must(again.host === address.host && again.port === address.port, 'an address does not come back');
      }
      const peer = unlessRefused(['Config'], () => parsePeerAddress(text));
      if (peer?.host.includes(':')) must(isIP(peer.host.replace(/%.*/, '')) === 6, 'a host with a colon that is no IPv6 address');
      for (const id of [entityId, serverId, userId, pnId]) {
        const read = unlessRefused(['Config'], () => id(text));
        must(read === undefined || read === text, 'an id is another text');
      }
      must(
        parseTopic(`cpns/v1/${text}/up`) === undefined || unlessRefused(['Config'], () => entityId(text)) !== undefined,
        'a topic of no entity',
      );
    },
  }),
};

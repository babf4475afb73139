import { readPairingLink, writePairingLink } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import { Secret } from '@cpns/shared/security';
import { must, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

function example(addresses: readonly string[]): Uint8Array {
  const link = { pkHash: new Uint8Array(32).fill(3), token: new Secret('pairing token', new Uint8Array(16).fill(4)) };
  return octetsOf(writePairingLink({ peer: entityId('board'), addresses, link }));
}

export const pairingLink: FuzzTarget = {
  name: 'pairing-link',
  title: 'pairing links that a person copied or scanned',
  tokens: ['http://', '/p#', '#', '=', '==', 'A', '_', '-', '%23', ' ', '\n'],
  seeds: () =>
    new Map([
      ['one-address', example(['192.0.2.7:7474'])],
      ['two-addresses', example(['192.0.2.7:7474', '[2001:db8::7]:7474'])],
      ['eight-addresses', example(Array.from({ length: 8 }, (_, i) => `board-${i}.local:7474`))],
    ]),
  open: () => ({
    fuzz(data) {
      const given = textOf(data);
      const read = unlessRefused(['Config'], () => readPairingLink(given));
      if (read === undefined) return;
      const written = writePairingLink(read);
      must(written.slice(written.indexOf('#')) === given.trim().slice(given.trim().indexOf('#')), 'two links say the same');
      read.link.token.erase();
    },
  }),
};

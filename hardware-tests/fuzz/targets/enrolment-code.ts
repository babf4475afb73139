import { decodeEnrolment, type Enrolment, encodeEnrolment, entityId, serverId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { must, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

function example(changes: Partial<Enrolment>): Uint8Array {
  const enrolment: Enrolment = {
    entityId: entityId('phone'),
    euKey: new Secret('EUKey', new Uint8Array(32).fill(5)),
    server: 'cpns.example.org:8883',
    serverId: serverId('cpns.example.org'),
    subscription: { subscriptionId: 'sub-1', userId: userId('alice'), services: [PN_GW_SERVICE], chargeable: true },
    ...changes,
  };
  return octetsOf(encodeEnrolment(nativeProvider, enrolment));
}

export const enrolmentCode: FuzzTarget = {
  name: 'enrolment-code',
  title: 'enrolment codes as people type and paste them',
  tokens: ['CPNS1-', 'CPNS2-', 'cpnsl', '-', ' ', '\n', '\u00a0', 'ı', 'ß', 'O', 'I', 'U', '0'],
  seeds: () =>
    new Map([
      ['host-name', example({})],
      ['ipv6', example({ server: '[2001:db8::1]:8883' })],
      ['no-services', example({ subscription: { subscriptionId: '', userId: userId('b'), services: [], chargeable: false } })],
    ]),
  open: () => ({
    fuzz(data) {
      const code = textOf(data);
      const read = unlessRefused(['Config'], () => decodeEnrolment(nativeProvider, code));
      if (read === undefined) return;
      const bare = (text: string) => text.replace(/[\s-]/g, '').toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1');
      must(bare(encodeEnrolment(nativeProvider, read)) === bare(code), 'two codes say the same');
      read.euKey.erase();
    },
  }),
};

import { BleTechnology, type RadioSupervisor } from '@cpns/agent';
import { entityId, type Link, MAX_FRAME_OCTETS } from '@cpns/shared';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { nobleProvider } from '@cpns/shared/security';
import { MemoryLogger } from '@cpns/shared/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { describePanTechnology, type PanSeat } from '../../../../agent/test/compliance/pan-technology-compliance.js';
import { describeLink } from '../../../../shared/test/compliance/link-compliance.js';
import { NEVER, RadioLab } from './radio-lab.js';
import { ADDRESS } from './room.js';

let lab: RadioLab;
let numbers = 0;
beforeAll(async () => {
  lab = await RadioLab.open();
});
afterAll(() => lab.close());

const NAMES = ['phone', 'laptop'] as const;
type Name = (typeof NAMES)[number];
const keyOf = (name: Name) => new Uint8Array(16).fill(1 + NAMES.indexOf(name));

describePanTechnology(
  'BleTechnology over the radio process, noble and bleno',
  async () => {
    const clock = new SystemClock();
    const seat = async (name: Name, peer: Name): Promise<PanSeat> => {
      const id = entityId(name);
      const radio = await lab.radio(++numbers);
      const keys = { own: () => [keyOf(name)], peers: () => new Map([[entityId(peer), [keyOf(peer)]]]) };
      const logger = new MemoryLogger();
      return { id, technology: new BleTechnology({ id, clock, entropy: systemEntropy, provider: nobleProvider, logger, radio, keys }) };
    };
    const [one, other] = [await seat('phone', 'laptop'), await seat('laptop', 'phone')];
    return { one, other, nowhere: ADDRESS(200), dispose: async () => {} };
  },
  120_000,
);

describe('two radio processes', () => {
  let central: RadioSupervisor;
  let peripheral: RadioSupervisor;
  let address: string;
  let heard = () => {};
  let accepted = (_link: Link) => {};

  beforeAll(async () => {
    central = await lab.radio(++numbers);
    peripheral = await lab.radio(++numbers);
    address = ADDRESS(numbers);
    const isHeard = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const events = { ended: () => {}, problem: () => {} };
    central.start({ ...events, accepted: () => {}, advertised: (neighbour) => neighbour.address === address && heard() });
    peripheral.start({ ...events, accepted: (link) => accepted(link), advertised: () => {} });
    const advertisement = { mode: 0, pairingOpen: false, hint: new Uint8Array(6) } as const;
    central.want({ advertisement: undefined, readableId: '', scan: true, role: 'central' });
    peripheral.want({ advertisement, readableId: '', scan: false, role: 'peripheral' });
    await isHeard;
  });

  describeLink('a connection of noble and bleno', async () => {
    const links: Link[] = [];
    return {
      largestFrame: MAX_FRAME_OCTETS,
      async connect() {
        const responder = new Promise<Link>((resolve) => {
          accepted = resolve;
        });
        const initiator = await central.connect(address, NEVER);
        links.push(initiator, await responder);
        peripheral.proven(await responder);
        return { initiator, responder: await responder };
      },
      sever: () => lab.air.ask('cut', { a: address }).then(() => {}),
      dispose: async () => {
        for (const link of links) link.close('enough');
      },
    };
  });
});

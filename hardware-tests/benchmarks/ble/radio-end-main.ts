/**
 * The agent's side of a Bluetooth link and nothing above it: the radio process with what supervises it. Arguments: the address of its
 * adapter, and `central` or `peripheral`. See end-lines.ts.
 */
import { RadioSupervisor } from '@cpns/agent';
import type { Link } from '@cpns/shared';
import { createLogger, SystemClock, systemEntropy } from '@cpns/shared/node';
import { Arrivals } from './arrivals.js';
import { contentOf } from './end-lines.js';
import { followOrders, say } from './follow-orders.js';

const MODE_UNASSIGNED = 0;
const HINT_OCTETS = 6;
const [adapter = '', role] = process.argv.slice(2);
const arrivals = new Arrivals();
const heard = new Map<string, () => void>();
let link: Link | undefined;

const radio = new RadioSupervisor({
  clock: new SystemClock(),
  entropy: systemEntropy,
  logger: createLogger({ level: 'warn', format: 'text' }),
  adapter,
  secondAdapter: '',
});

function use(next: Link): void {
  link = next;
  radio.proven(next);
  next.open({ frame: (octets) => arrivals.add(octets), closed: () => {} });
  say({ event: 'linked' });
}

radio.start({
  advertised: ({ address }) => heard.get(address)?.(),
  accepted: use,
  ended: () => {},
  problem: (sentence) => {
    if (sentence !== undefined) process.stderr.write(`${sentence}\n`);
  },
});
if (role === 'central') radio.want({ advertisement: undefined, readableId: '', scan: true, role: 'central' });
else {
  const advertisement = { mode: MODE_UNASSIGNED, pairingOpen: false, hint: new Uint8Array(HINT_OCTETS) } as const;
  radio.want({ advertisement, readableId: '', scan: false, role: 'peripheral' });
}

followOrders({
  connect: async ({ address }) => {
    await new Promise<void>((resolve) => heard.set(address, resolve));
    use(await radio.connect(address, new AbortController().signal));
  },
  send: async ({ messages, octets }) => {
    const content = contentOf(octets);
    for (let i = 0; i < messages; i++) link?.send(content);
  },
  expect: async ({ messages, octets }) => arrivals.expect(messages, octets),
  arrived: () => arrivals.arrived(),
  disconnect: async () => link?.close('the benchmark is over'),
});

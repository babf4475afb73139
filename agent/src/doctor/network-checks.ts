import { createServer } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Settings } from '../config/settings.js';
import type { DoctorCheck } from '../control/api/doctor.js';
import { type Check, ok, problem, skipped, warning } from './check.js';
import { tryMulticast } from './multicast.js';

const name = 'local network';

/** Multicast on every interface that the agent uses, and its TCP port where that is fixed. */
export const checkNetwork: Check = async ({ settings, running }, signal) => {
  const { lan } = settings.pan;
  if (!lan.enabled) return [skipped(name, 'is switched off', 'set pan.lan.enabled to true in the configuration')];
  const all = interfaces();
  if (all === undefined) {
    return [warning(name, 'this system does not tell its interfaces', 'pair by link: cpns-agent pair --link')];
  }
  const { used, results } = choose(lan, all);
  const [multicast, port] = await Promise.all([
    Promise.all(used.map(([name, addresses]) => checkInterface(name, addresses, signal))),
    running ? [] : checkPort(lan.port),
  ]);
  return [...results, ...multicast, ...port];
};

type Interfaces = readonly (readonly [name: string, addresses: readonly NetworkInterfaceInfo[]])[];

function interfaces(): Interfaces | undefined {
  try {
    return Object.entries(networkInterfaces()).map(([name, addresses]) => [name, addresses ?? []] as const);
  } catch {
    return undefined;
  }
}

/** The interfaces that the settings mean, and what is to be said about the choice. */
function choose(lan: Settings['pan']['lan'], all: Interfaces): { used: Interfaces; results: DoctorCheck[] } {
  if (lan.interfaces.length > 0) {
    const known = new Set(all.map(([name]) => name));
    const unknown = lan.interfaces.filter((name) => !known.has(name));
    const cure = `set pan.lan.interfaces to some of: ${[...known].join(', ')}`;
    const results = unknown.map((missing) => problem(name, `there is no interface ${missing}, or it has no address`, cure));
    return { used: all.filter(([name]) => lan.interfaces.includes(name)), results };
  }
  const real = all.filter(([, addresses]) => addresses.some((address) => !address.internal));
  if (real.length > 0) return { used: real, results: [] };
  return {
    used: all,
    results: [warning(name, 'there is only loopback, so only devices on this computer are found', 'connect to a network')],
  };
}

async function checkInterface(name: string, addresses: readonly NetworkInterfaceInfo[], signal: AbortSignal): Promise<DoctorCheck> {
  const what = `multicast on ${name}`;
  const address = addresses.find(({ family }) => family === 'IPv4') ?? addresses.find(({ scopeid }) => Boolean(scopeid)) ?? addresses[0];
  if (address === undefined) return warning(what, 'the interface has no address');
  const outcome = await tryMulticast(name, address, signal);
  if (outcome === 'heard') return ok(what, 'works');
  if (outcome === 'not heard') {
    return warning(
      what,
      'what was sent did not come back; a firewall may block it',
      'allow UDP port 5353, with ufw: sudo ufw allow 5353/udp',
    );
  }
  switch (outcome) {
    case 'EADDRINUSE':
      return problem(what, 'another program keeps UDP port 5353 for itself', 'find it with: sudo ss -lunp sport = :5353');
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return problem(what, 'there is no route for multicast', `sudo ip route add 224.0.0.0/4 dev ${name}`);
    case 'EACCES':
    case 'EPERM':
      return problem(what, 'sending was forbidden by a firewall', 'allow UDP port 5353, with ufw: sudo ufw allow out 5353/udp');
    default:
      return problem(what, `does not work (${outcome})`, 'name the other device in pan.lan.peers, or pair by link: cpns-agent pair --link');
  }
}

/** Whether the fixed port could be taken. */
function checkPort(port: number): Promise<DoctorCheck[]> {
  if (port === 0) return Promise.resolve([]);
  const what = `TCP port ${port}`;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const says = error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${error.code})`;
      resolve([problem(what, says, `choose another pan.lan.port, or find that program with: sudo ss -ltnp sport = :${port}`)]);
    });
    server.listen(port, () => server.close(() => resolve([ok(what, 'is free')])));
  });
}

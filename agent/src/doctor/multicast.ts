import { createSocket, type Socket } from 'node:dgram';
import type { NetworkInterfaceInfo } from 'node:os';

const PORT = 5353;
const WAIT_MS = 1000;

/** An mDNS question for `_cpns._tcp.local` (RFC 6762): harmless for whoever hears it, and told apart by its id. */
function question(id: number): Buffer {
  const labels = ['_cpns', '_tcp', 'local'].map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 12, 0, 1])]);
}

/**
 * Sends one multicast datagram on an interface and listens for it. `heard`: it came back; else the code of the error.
 * Ends within a second, or when `signal` fires.
 */
export function tryMulticast(name: string, address: NetworkInterfaceInfo, signal: AbortSignal): Promise<string> {
  const six = address.family === 'IPv6';
  const group = six ? 'ff02::fb' : '224.0.0.251';
  const outgoing = six ? `::%${name}` : address.address;
  const datagram = question(1 + (process.pid % 65_534));
  return new Promise((resolve) => {
    const socket: Socket = createSocket({ type: six ? 'udp6' : 'udp4', reuseAddr: true });
    const finish = (outcome: string) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners('message');
      // Closing twice throws.
      if (!closed) socket.close();
      closed = true;
      resolve(outcome);
    };
    let closed = false;
    const abort = () => finish('aborted');
    const failed = (error: Error) => finish((error as NodeJS.ErrnoException).code ?? error.message);
    const timer = setTimeout(() => finish('not heard'), WAIT_MS);
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', failed);
    socket.on('message', (message) => {
      if (message.equals(datagram)) finish('heard');
    });
    socket.bind(PORT, () => {
      try {
        socket.addMembership(group, outgoing);
        socket.setMulticastInterface(outgoing);
        socket.setMulticastLoopback(true);
        socket.send(datagram, PORT, group, (error) => {
          if (error) failed(error);
        });
      } catch (error) {
        failed(error as Error);
      }
    });
  });
}

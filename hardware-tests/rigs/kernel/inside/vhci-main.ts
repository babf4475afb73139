/**
 * `vhci-main.js SOCKET`: a controller of BlueZ's emulator becomes a Bluetooth adapter of this machine's kernel, through `/dev/vhci`. The
 * adapter is there as long as this process; the end of its input is what pulling the adapter out is. JSON lines: see vhci.ts.
 */
import { once } from 'node:events';
import { openSync, read, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { PACKET } from '../../air/controller/hci.js';
import { EmulatedController } from '../../btvirt/emulated-controller.js';
import type { VhciLine } from './vhci.js';

/** Between kernel and this program (drivers/bluetooth/hci_vhci.c): makes an adapter, and says which. */
const VENDOR = 0xff;
const PRIMARY_CONTROLLER = 0x00;
/** The longest packet is ACL data of 16-bit length. */
const LONGEST = 5 + 0xffff;

const [socketPath = ''] = process.argv.slice(2);
const say = (line: VhciLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

const socket = connect(socketPath);
// An orderly end would wait for the thread that reads.
socket.on('close', () => process.kill(process.pid, 'SIGKILL'));
await once(socket, 'connect');
const controller = new EmulatedController(socket);
say({ address: await controller.start() });

const device = openSync('/dev/vhci', 'r+');
// The kernel makes an adapter by itself for who says nothing within a second.
writeSync(device, Uint8Array.of(VENDOR, PRIMARY_CONTROLLER));
controller.attach({ isReady: true, send: give });
process.stdin.resume().on('end', () => controller.end());

const buffer = Buffer.alloc(LONGEST);
for (;;) {
  // Each read is one packet, for which a thread waits.
  const { bytesRead } = await promisify(read)(device, buffer, 0, buffer.length, null);
  const packet = Buffer.from(buffer.subarray(0, bytesRead));
  if (packet[0] === VENDOR) say({ index: packet.readUInt16LE(2) });
  else if (packet[0] === PACKET.command || packet[0] === PACKET.acl) controller.receive(packet);
}

/** Passes on to the kernel, which takes nothing for an adapter that is switched off. */
function give(packet: Uint8Array): void {
  try {
    writeSync(device, packet);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
  }
}

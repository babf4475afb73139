import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { type Clock, CpnsError } from '@cpns/shared';
import { libraryCall } from './library-call.js';

/*
 * Which adapters there are, by the management channel of Linux (BlueZ: doc/mgmt-api.txt). It needs no privilege, names the address of an
 * adapter that is off, too, and says when one comes or goes. The number of an adapter changes whenever it is plugged in again.
 */

const COMMAND = { indexList: 0x0003, controllerInfo: 0x0004 } as const;
const EVENT = { complete: 0x0001, status: 0x0002 } as const;
const NO_INDEX = 0xffff;
const POWERED = 0x01;
const ANSWER_MS = 2_000;
const HEADER = 6;

interface ManagementSocket extends EventEmitter {
  bindControl(): void;
  start(): void;
  stop(): void;
  write(data: Buffer): void;
}

/** A Bluetooth adapter of this computer. */
export interface Adapter {
  /** The N of hciN, of use only until it is unplugged. */
  readonly index: number;
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly address: string;
  readonly powered: boolean;
}

/**
 * Every adapter, lowest index first.
 * @throws CpnsError Config/NoBluetooth when there is no Bluetooth on this computer, Timeout/RadioSilent
 */
export async function listAdapters(clock: Clock): Promise<Adapter[]> {
  const socket = openManagement();
  try {
    const list = await ask(socket, clock, COMMAND.indexList, NO_INDEX);
    const count = list.length < 2 ? 0 : list.readUInt16LE(0);
    const adapters: Adapter[] = [];
    for (let i = 0; i < count && list.length >= 4 + 2 * i; i++) {
      const index = list.readUInt16LE(2 + 2 * i);
      const info = await ask(socket, clock, COMMAND.controllerInfo, index);
      // One that was unplugged in between answers with nothing.
      if (info.length < 17) continue;
      const address = [...info.subarray(0, 6)].reverse().map((octet) => octet.toString(16).padStart(2, '0'));
      adapters.push({ index, address: address.join(':'), powered: (info.readUInt32LE(13) & POWERED) !== 0 });
    }
    return adapters.sort((a, b) => a.index - b.index);
  } finally {
    socket.stop();
  }
}

/** The adapters to use, or the sentence that says what is missing. `wanted`: their addresses; empty ones are any. */
export function chooseAdapters(adapters: readonly Adapter[], wanted: readonly string[]): readonly Adapter[] | string {
  const chosen: Adapter[] = [];
  for (const address of wanted) {
    const left = adapters.filter((adapter) => !chosen.includes(adapter) && !wanted.includes(adapter.address));
    const found =
      address === '' ? (left.find(({ powered }) => powered) ?? left[0]) : adapters.find((adapter) => adapter.address === address);
    if (found === undefined && address !== '') return `The Bluetooth adapter ${address} is not there: plug it in, or change pan.ble.`;
    if (found === undefined) return 'There is no Bluetooth adapter: plug one in.';
    if (!found.powered)
      return `The Bluetooth adapter ${found.address} is off: sudo rfkill unblock bluetooth; sudo hciconfig hci${found.index} up`;
    chosen.push(found);
  }
  return chosen;
}

function openManagement(): ManagementSocket {
  if (process.platform !== 'linux') throw new CpnsError('Config', 'NoBluetooth', 'Bluetooth is not used: it works on Linux only.');
  // Not a literal: the package is optional, also for the compiler.
  const name: string = '@abandonware/bluetooth-hci-socket';
  try {
    const Socket = createRequire(import.meta.url)(name) as new () => ManagementSocket;
    const socket = new Socket();
    socket.bindControl();
    socket.start();
    return socket;
  } catch (error) {
    throw noBluetooth(error);
  }
}

function noBluetooth(error: unknown): CpnsError {
  const { code } = error as { code?: unknown };
  const text = error instanceof Error ? error.message : String(error);
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  const sentence = missing
    ? 'Bluetooth is not used: its libraries are not installed (npm install --include=optional).'
    : `Bluetooth is not used: this computer has none, or its kernel is not built for it (${text.split('\n')[0]}).`;
  return new CpnsError('Config', 'NoBluetooth', sentence, { cause: error });
}

/** The parameters of the answer; empty when the kernel refuses. */
function ask(socket: ManagementSocket, clock: Clock, command: number, index: number): Promise<Buffer> {
  return libraryCall<Buffer>(
    { clock, ms: ANSWER_MS, late: 'The kernel does not say which Bluetooth adapters there are.' },
    ({ done, fail }) => {
      const heard = (packet: Buffer) => {
        if (packet.length < HEADER + 3) return;
        const event = packet.readUInt16LE(0);
        if (event !== EVENT.complete && event !== EVENT.status) return;
        if (packet.readUInt16LE(2) !== index || packet.readUInt16LE(HEADER) !== command) return;
        done(packet.readUInt8(HEADER + 2) === 0 ? packet.subarray(HEADER + 3) : Buffer.alloc(0));
      };
      const broken = (error: unknown) => fail(noBluetooth(error));
      socket.on('data', heard);
      socket.on('error', broken);
      const request = Buffer.alloc(HEADER);
      request.writeUInt16LE(command, 0);
      request.writeUInt16LE(index, 2);
      socket.write(request);
      return () => {
        socket.off('data', heard);
        socket.off('error', broken);
      };
    },
  );
}

/**
 * `node --import inject.js`: in this process `@abandonware/bluetooth-hci-socket` is the air's. For radio processes of rigs; nothing of what
 * is installed is changed.
 */
import Module from 'node:module';
import { AirHciSocket } from './air-hci-socket.js';

const REPLACED = '@abandonware/bluetooth-hci-socket';

type Load = (request: string, ...others: readonly unknown[]) => unknown;
const loader = Module as unknown as { _load: Load };
const load = loader._load;
loader._load = (request, ...others) => (request === REPLACED ? AirHciSocket : load.call(loader, request, ...others));

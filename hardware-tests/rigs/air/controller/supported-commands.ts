import { COMMAND } from './hci.js';

/** Octet and bit of each command in the answer to Read Local Supported Commands (Bluetooth Core Vol 4 Part E, 6.27). */
const PLACES: Readonly<Record<number, readonly [octet: number, bit: number]>> = {
  [COMMAND.disconnect]: [0, 5],
  [COMMAND.setEventMask]: [5, 6],
  [COMMAND.reset]: [5, 7],
  [COMMAND.readLocalVersion]: [14, 3],
  [COMMAND.readBufferSize]: [14, 7],
  [COMMAND.readAddress]: [15, 1],
  [COMMAND.readRssi]: [15, 5],
  [COMMAND.readLeHostSupport]: [24, 5],
  [COMMAND.writeLeHostSupport]: [24, 6],
  [COMMAND.leSetEventMask]: [25, 0],
  [COMMAND.leReadBufferSize]: [25, 1],
  [COMMAND.leReadFeatures]: [25, 2],
  [COMMAND.leSetAdvertisingParameters]: [25, 5],
  [COMMAND.leSetAdvertisingData]: [25, 7],
  [COMMAND.leSetScanResponse]: [26, 0],
  [COMMAND.leEnableAdvertising]: [26, 1],
  [COMMAND.leSetScanParameters]: [26, 2],
  [COMMAND.leEnableScanning]: [26, 3],
  [COMMAND.leCreateConnection]: [26, 4],
  [COMMAND.leCancelConnection]: [26, 5],
  [COMMAND.leUpdateConnection]: [27, 2],
  [COMMAND.leEnableEncryption]: [28, 0],
  [COMMAND.leReplyKey]: [28, 1],
  [COMMAND.leRefuseKey]: [28, 2],
};

const OCTETS = 64;

/** The bits of all commands that the controller knows. */
export function supportedCommands(): Buffer {
  const bits = Buffer.alloc(OCTETS);
  for (const [octet, bit] of Object.values(PLACES)) bits.writeUInt8(bits.readUInt8(octet) | (1 << bit), octet);
  return bits;
}

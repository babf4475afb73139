/** Numbers of the Host Controller Interface that the controller speaks (Bluetooth Core 5.4, Vol 4 Part E). */

/** First octet of every packet on the wire between host and controller (Vol 4 Part A, "H4"). */
export const PACKET = { command: 0x01, acl: 0x02, event: 0x04 } as const;

/** Vol 4 Part E, 7. */
export const COMMAND = {
  disconnect: 0x0406,
  setEventMask: 0x0c01,
  reset: 0x0c03,
  readLeHostSupport: 0x0c6c,
  writeLeHostSupport: 0x0c6d,
  readLocalVersion: 0x1001,
  readLocalCommands: 0x1002,
  readBufferSize: 0x1005,
  readAddress: 0x1009,
  readRssi: 0x1405,
  leSetEventMask: 0x2001,
  leReadBufferSize: 0x2002,
  leReadFeatures: 0x2003,
  leSetAdvertisingParameters: 0x2006,
  leSetAdvertisingData: 0x2008,
  leSetScanResponse: 0x2009,
  leEnableAdvertising: 0x200a,
  leSetScanParameters: 0x200b,
  leEnableScanning: 0x200c,
  leCreateConnection: 0x200d,
  leCancelConnection: 0x200e,
  leUpdateConnection: 0x2013,
  leEnableEncryption: 0x2019,
  leReplyKey: 0x201a,
  leRefuseKey: 0x201b,
} as const;

/** Vol 4 Part E, 7.7. */
export const EVENT = {
  disconnectionComplete: 0x05,
  encryptionChange: 0x08,
  commandComplete: 0x0e,
  commandStatus: 0x0f,
  completedPackets: 0x13,
  le: 0x3e,
} as const;

/** Vol 4 Part E, 7.7.65. */
export const LE_EVENT = { connectionComplete: 0x01, advertisingReport: 0x02, connectionUpdate: 0x03, keyRequest: 0x05 } as const;

/** Outcomes of commands and reasons for the end of a connection (Vol 1 Part F). */
export const STATUS = {
  success: 0x00,
  unknownCommand: 0x01,
  unknownConnection: 0x02,
  keyMissing: 0x06,
  supervisionTimeout: 0x08,
  tooManyConnections: 0x09,
  connectionExists: 0x0b,
  disallowed: 0x0c,
  unsupported: 0x11,
  invalidParameters: 0x12,
  endedByRemoteUser: 0x13,
  endedByLocalHost: 0x16,
  micFailure: 0x3d,
  notEstablished: 0x3e,
} as const;

/** Vol 4 Part E, 7.7.65.1. */
export const ROLE = { central: 0x00, peripheral: 0x01 } as const;

/** Channels of L2CAP over LE (Vol 3 Part A, 2.1). */
export const CHANNEL = { att: 0x0004 } as const;

/** What an advertisement allows (Vol 4 Part E, 7.8.5 and 7.7.65.2). */
export const ADVERTISING = { connectable: 0x00, scannable: 0x02, deaf: 0x03, scanResponse: 0x04 } as const;

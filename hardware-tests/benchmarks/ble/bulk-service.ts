/** The service over which the bare libraries send. */
export const BULK = {
  service: '5d2b0001b5a3f393e0a9e50e24dcca9e',
  write: '5d2b0002b5a3f393e0a9e50e24dcca9e',
  notify: '5d2b0003b5a3f393e0a9e50e24dcca9e',
} as const;

/** Octets of an ATT packet that are no value (Bluetooth Core Vol 3 Part F, 3.4.7.1). */
export const ATT_HEAD_OCTETS = 3;

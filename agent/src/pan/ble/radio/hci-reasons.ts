/** Error codes of a controller (Bluetooth Core Specification, volume 1, part F) as clauses for people. */
const REASONS: Readonly<Record<number, string>> = {
  2: 'the connection was not there any more',
  5: 'the pairing of the adapters failed',
  6: 'the other device has forgotten the pairing of the adapters',
  7: 'the adapter has no memory left',
  8: 'the other device is out of reach',
  9: 'the adapter has no room for another connection',
  11: 'the two devices are connected already',
  12: 'the adapter does not allow it now',
  13: 'the other device has no room for another connection',
  18: 'the adapter does not take these connection parameters',
  19: 'the other device closed the connection',
  20: 'the other device had no resources left',
  21: 'the other device is switching off',
  22: 'this device closed the connection',
  31: 'the adapter reported an error without saying which',
  34: 'the other device stopped answering its adapter',
  40: 'the two adapters lost step',
  58: 'the adapter is busy',
  59: 'the other device does not take the connection parameters',
  60: 'advertising ended',
  61: 'the connection was disturbed',
  62: 'the other device was not reached',
};

/** Why a controller ended or refused something, in words. */
export function hciReason(code: number | undefined): string {
  if (code === undefined) return 'the adapter gave no reason';
  return REASONS[code] ?? `the adapter gave reason 0x${code.toString(16).padStart(2, '0')}`;
}

/** Attribute protocol opcodes (Bluetooth Core Specification, volume 3, part F, 3.4.8) and the shortest PDU of each that can be read. */
const SHORTEST: Readonly<Record<number, number>> = {
  1: 5, // error response
  2: 3, // exchange MTU request
  3: 3, // exchange MTU response
  4: 5, // find information request
  5: 6, // find information response
  6: 8, // find by type value request
  7: 5, // find by type value response
  8: 7, // read by type request
  9: 4, // read by type response
  10: 3, // read request
  11: 1, // read response
  12: 5, // read blob request
  13: 1, // read blob response
  16: 7, // read by group type request
  17: 6, // read by group type response
  18: 3, // write request
  19: 1, // write response
  22: 5, // prepare write request
  23: 5, // prepare write response
  24: 2, // execute write request
  25: 1, // execute write response
  27: 3, // notification
  29: 3, // indication
  30: 1, // confirmation
  82: 3, // write command
};
/** Responses that list attributes: the second octet is the length of each, which the list must be made of. */
const LISTS: Readonly<Record<number, readonly number[]>> = { 9: [7, 21, 4], 17: [6, 20] };
const EXCHANGE_MTU = [2, 3];
const LEAST_MTU = 23;

/**
 * Whether the libraries can read an attribute PDU. They do not look: a short one throws in the middle of their work, and a list of
 * attributes without length keeps them busy for ever.
 */
export function isReadableAtt(pdu: Uint8Array): boolean {
  const opcode = pdu[0] ?? 0;
  const each = pdu[1] ?? 0;
  const shortest = SHORTEST[opcode];
  if (shortest === undefined || pdu.length < shortest) return false;
  const lengths = LISTS[opcode];
  if (lengths !== undefined) return lengths.includes(each) && (pdu.length - 2) % each === 0;
  if (EXCHANGE_MTU.includes(opcode)) return (pdu[1] as number) + 256 * (pdu[2] as number) >= LEAST_MTU;
  return true;
}

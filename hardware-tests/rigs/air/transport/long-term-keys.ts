/** Head of a management command: opcode, adapter, length of the rest (BlueZ doc/mgmt-api.txt). */
const HEAD_OCTETS = 6;
const LOAD_LONG_TERM_KEYS = 0x0013;
const KEY_OCTETS = 36;

interface LongTermKey {
  /** Random number and diversifier, in the order of an LE Long Term Key Request. */
  readonly name: Buffer;
  readonly key: Buffer;
}

/** The keys that a kernel keeps for a host: given over its management channel, asked for by controllers. */
export class LongTermKeys {
  #keys: LongTermKey[] = [];

  /** A packet of the management channel. Everything but Load Long Term Keys is ignored. */
  manage(packet: Buffer): void {
    if (packet.length < HEAD_OCTETS + 2 || packet.readUInt16LE(0) !== LOAD_LONG_TERM_KEYS) return;
    const count = packet.readUInt16LE(HEAD_OCTETS);
    const all = packet.subarray(HEAD_OCTETS + 2);
    this.#keys = Array.from({ length: count }, (_, at) => all.subarray(at * KEY_OCTETS, (at + 1) * KEY_OCTETS))
      .filter(({ length }) => length === KEY_OCTETS)
      .map((one) => ({ name: Buffer.concat([one.subarray(12, 20), one.subarray(10, 12)]), key: Buffer.from(one.subarray(20, 36)) }));
  }

  /** `name`: random number (8 octets) and diversifier (2). The newest of that name. */
  find(name: Buffer): Buffer | undefined {
    return this.#keys.findLast((key) => key.name.equals(name))?.key;
  }
}

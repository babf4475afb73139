const KEY_OCTETS = 36;

interface LongTermKey {
  /** Random number and diversifier, in the order of an LE Long Term Key Request. */
  readonly name: Buffer;
  readonly key: Buffer;
}

/** The keys that a kernel keeps for a host: given over its management channel, asked for by controllers. */
export class LongTermKeys {
  #keys: LongTermKey[] = [];

  /** Parameters of Load Long Term Keys (BlueZ doc/mgmt-api.txt): these replace all that there were. */
  load(parameters: Buffer): void {
    const all = parameters.subarray(2);
    const count = Math.floor(all.length / KEY_OCTETS);
    this.#keys = Array.from({ length: count }, (_, at) => {
      const one = all.subarray(at * KEY_OCTETS, (at + 1) * KEY_OCTETS);
      return { name: Buffer.concat([one.subarray(12, 20), one.subarray(10, 12)]), key: Buffer.from(one.subarray(20, 36)) };
    });
  }

  /** `name`: random number (8 octets) and diversifier (2). The newest of that name. */
  find(name: Buffer): Buffer | undefined {
    return this.#keys.findLast((key) => key.name.equals(name))?.key;
  }
}

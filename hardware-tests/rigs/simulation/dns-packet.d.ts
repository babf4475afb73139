/** The part of dns-packet, which has no types of its own, that the foreign resolver uses. */
declare module 'dns-packet' {
  export interface Answer {
    readonly name: string;
    readonly type: string;
    readonly ttl?: number;
    readonly data: unknown;
  }
  export interface Packet {
    readonly type: 'query' | 'response';
    readonly answers: readonly Answer[];
    readonly additionals: readonly Answer[];
  }
  const dnsPacket: {
    encode(packet: { type: 'query'; questions: readonly { name: string; type: string }[] }): Buffer;
    decode(octets: Uint8Array): Packet;
  };
  export default dnsPacket;
}

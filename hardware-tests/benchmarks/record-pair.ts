import { type Clock, CpnsError } from '@cpns/shared';
import { nativeProvider, systemEntropy } from '@cpns/shared/node';
import { type ChannelRole, INNER_TYPE, RECORD_TYPE, Secret, SecureChannel } from '@cpns/shared/security';

const AAD_LENGTH = 12;
const NONCE_LENGTH = 12;

/** Carries one content from one end to the other: sealed there, opened here. */
export type Carry = (content: Uint8Array) => void;

/** So many contents, one after another. */
export function repeated(carry: Carry, content: Uint8Array): (count: number) => void {
  return (count) => {
    for (let i = 0; i < count; i++) carry(content);
  };
}

/** Both ends of a PAN session under fresh keys. */
export function channelEnds(clock: Clock): { readonly from: SecureChannel; readonly to: SecureChannel } {
  const [sk, th] = [systemEntropy.bytes(32), systemEntropy.bytes(32)];
  const end = (role: ChannelRole) =>
    new SecureChannel({ provider: nativeProvider, clock, type: RECORD_TYPE.pan, role, sk: new Secret('SK', sk), th });
  return { from: end('initiator'), to: end('responder') };
}

/** Through the product's channel, as whole records. @throws CpnsError Internal/NotTheSame when something else arrives */
export function throughChannel(clock: Clock, pad: boolean): Carry {
  const { from, to } = channelEnds(clock);
  return (content) => {
    const opened = to.open(from.seal(INNER_TYPE.envelope, content, { pad }));
    requireSame(opened.content.length === content.length);
  };
}

/** The primitive alone: a new cipher for each call, 12 octets of associated data, a counted nonce, ciphertext and tag in one buffer. */
export function throughCipher(): Carry {
  const [key, aad, nonce] = [systemEntropy.bytes(32), systemEntropy.bytes(AAD_LENGTH), systemEntropy.bytes(NONCE_LENGTH)];
  const count = new DataView(nonce.buffer, nonce.byteOffset + NONCE_LENGTH - 4);
  return (content) => {
    count.setUint32(0, count.getUint32(0) + 1);
    const opened = nativeProvider.open(key, nonce, aad, nativeProvider.seal(key, nonce, aad, content));
    requireSame(opened?.length === content.length);
  };
}

/** @throws CpnsError Internal/NotTheSame */
export function requireSame(same: boolean): void {
  if (!same) throw new CpnsError('Internal', 'NotTheSame', 'What arrived is not what was sent.');
}

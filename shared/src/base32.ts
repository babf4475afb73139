/** Crockford's base32: no I, L, O or U, so that people can read it to one another. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LOOKALIKES: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

/** Upper-case digits, five bits each, without padding. */
export function encodeBase32(octets: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    held = (held << 8) | octet;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31);
}

/**
 * The octets, whatever the case of the letters; O counts as 0, I and L as 1. Undefined when a character is none of base32, when the length
 * is impossible, or when spare bits are set, so that one text stands for one value only.
 */
export function decodeBase32(text: string): Uint8Array | undefined {
  const spareBits = (text.length * 5) % 8;
  if (spareBits >= 5) return undefined;
  const octets = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of text.toUpperCase()) {
    const digit = ALPHABET.indexOf(LOOKALIKES[letter] ?? letter);
    if (digit < 0) return undefined;
    held = (held << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      octets[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return held === 0 ? octets : undefined;
}

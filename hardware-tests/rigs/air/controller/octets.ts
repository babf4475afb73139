/** 16 bits, lowest octet first, as everywhere in HCI. */
export function u16(value: number): [number, number] {
  return [value & 0xff, (value >> 8) & 0xff];
}

/** `aa:bb:cc:dd:ee:ff`, as everybody writes it, from the six octets of HCI, which come lowest first. */
export function addressText(octets: Uint8Array): string {
  return [...octets]
    .reverse()
    .map((octet) => octet.toString(16).padStart(2, '0'))
    .join(':');
}

/** The opposite of {@link addressText}. */
export function addressOctets(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex').reverse();
}

export function isAddress(text: string): boolean {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text);
}

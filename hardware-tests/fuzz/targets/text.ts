/** Octets as the text that a person or a program may have given; two forms, because some doors take text and some octets. */
export function textOf(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

export function octetsOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

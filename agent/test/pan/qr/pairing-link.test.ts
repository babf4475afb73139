import { entityId } from '@cpns/shared';
import { encodeCbor } from '@cpns/shared/messages';
import { nativeProvider as provider, systemEntropy } from '@cpns/shared/node';
import { PairingInvitation } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { readPairingLink, writePairingLink } from '../../../src/pan/qr/pairing-link.js';

const peer = entityId('board-1');
const addresses = ['192.0.2.7:7400', '[2001:db8::7]:7400', 'board.local:7400'];
const invitation = () => new PairingInvitation(provider, systemEntropy);

/** A link around whatever a stranger put behind the `#`. */
const linkOf = (octets: Uint8Array) => `http://192.0.2.7:7400/p#${Buffer.from(octets).toString('base64url')}`;
const fields = (changes: Record<number, unknown> = {}) =>
  encodeCbor(
    new Map(
      Object.entries({ 1: 'board-1', 2: addresses, 3: new Uint8Array(32), 4: new Uint8Array(16), ...changes })
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [Number(key), value as never]),
    ),
  );

describe('a pairing link', () => {
  it('carries what it was written with', () => {
    const shown = invitation();
    const text = writePairingLink({ peer, addresses, link: shown });
    expect(text).toMatch(/^http:\/\/192\.0\.2\.7:7400\/p#[A-Za-z0-9_-]+$/);
    const read = readPairingLink(`  ${text}\n`);
    expect({ peer: read.peer, addresses: read.addresses }).toEqual({ peer, addresses });
    expect(read.link.pkHash).toEqual(shown.pkHash);
    expect(read.link.token.reveal()).toEqual(shown.token.reveal());
  });

  it('has its secrets behind the # only, and small enough for a QR code', () => {
    const shown = invitation();
    const text = writePairingLink({ peer, addresses, link: shown });
    const [sent, kept] = text.split('#') as [string, string];
    expect(sent).toBe('http://192.0.2.7:7400/p');
    expect(Buffer.from(kept, 'base64url').includes(Buffer.from(shown.token.reveal()))).toBe(true);
    expect(text.length).toBeLessThan(250);
  });

  it('does not show its token where it is printed', () => {
    const read = readPairingLink(writePairingLink({ peer, addresses, link: invitation() }));
    expect(JSON.stringify(read.link.token)).toBe('"[secret pairing token]"');
  });

  it('survives the erasure of what it was read from', () => {
    const shown = invitation();
    const token = shown.token.reveal().slice();
    const read = readPairingLink(writePairingLink({ peer, addresses, link: shown }));
    shown.erase();
    expect(read.link.token.reveal()).toEqual(token);
  });

  it.each([
    ['nothing', ''],
    ['something else', 'https://example.org/'],
    ['a page without secrets', 'http://192.0.2.7:7400/p'],
    ['an empty part behind the #', 'http://192.0.2.7:7400/p#'],
    ['another scheme', `${linkOf(fields()).replace('http:', 'javascript:')}`],
    ['another path', linkOf(fields()).replace('/p#', '/q#')],
    ['two links', `${linkOf(fields())} ${linkOf(fields())}`],
    ['too much', `${linkOf(fields())}${'A'.repeat(2_048)}`],
    ['a cut end', linkOf(fields()).slice(0, -3)],
    ['stray bits at the end', `${linkOf(fields())}A`],
    ['no CBOR', linkOf(Uint8Array.of(0xff, 0xff))],
    ['CBOR and more', linkOf(Uint8Array.from([...fields(), 0]))],
    ['a list', linkOf(encodeCbor([1, 2, 3]))],
    ['no device', linkOf(fields({ 1: undefined }))],
    ['an id that is none', linkOf(fields({ 1: 'Board 1' }))],
    ['a key id instead of an id', linkOf(fields({ 1: '0123456789abcdef' }))],
    ['no address', linkOf(fields({ 2: [] }))],
    ['nine addresses', linkOf(fields({ 2: Array.from({ length: 9 }, () => '192.0.2.7:1') }))],
    ['an address that is none', linkOf(fields({ 2: ['192.0.2.7'] }))],
    ['an address on other lines', linkOf(fields({ 2: ['192.0.2.7:1\r\nX: y'] }))],
    ['a short hash', linkOf(fields({ 3: new Uint8Array(31) }))],
    ['a long hash', linkOf(fields({ 3: new Uint8Array(33) }))],
    ['a short token', linkOf(fields({ 4: new Uint8Array(15) }))],
    ['a long token', linkOf(fields({ 4: new Uint8Array(17) }))],
    ['a token as text', linkOf(fields({ 4: 'A'.repeat(16) }))],
  ])('is refused when it is %s', (_what, text) => {
    const attempt = () => readPairingLink(text);
    expect(attempt).toThrow(expect.objectContaining({ family: 'Config', code: 'BadPairingLink' }));
    expect(attempt).toThrow(/^This is not a whole pairing link: .*Copy it from the other device again/);
  });

  it('is not written without an address', () => {
    expect(() => writePairingLink({ peer, addresses: [], link: invitation() })).toThrow(expect.objectContaining({ family: 'Internal' }));
  });
});

import {
  CpnsError,
  decodeEnrolment,
  type Enrolment,
  encodeEnrolment,
  entityId,
  isEntityId,
  isServerId,
  isUserId,
  serverId,
  userId,
} from '@cpns/shared';
import { encodeCbor } from '@cpns/shared/messages';
import { nobleProvider, Secret } from '@cpns/shared/security';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase32, encodeBase32 } from '../src/base32.js';

const provider = nobleProvider;
const example: Enrolment = {
  entityId: entityId('phone-1'),
  euKey: new Secret(
    'EUKey',
    Uint8Array.from({ length: 32 }, (_, i) => i),
  ),
  server: 'cpns.example.org:8883',
  serverId: serverId('cpns-home'),
  subscription: { subscriptionId: 'sub-1', userId: userId('ann'), services: ['pn-gw'], chargeable: true },
};
/** Made by a script in another language from protocol 0.27 alone. */
const CODE =
  'CPNS1-MM0PEW38DXQ6AB9H09C20001081G81860W40J2GB1G6GW3RG2491650N2RBHG68T3CE1T7GZ0DTP6W3EECQ6AY31DNR6RS9EDXS6EEHR70W36139CDR6WWSDD1QPTS85MG0PAWVNC8PK20K3C5Q6W0W1CNR6WBB7EW2FB7B0KQK0';

/** What a person sees in a test: the fields with the key in the open. */
function open(enrolment: Enrolment) {
  return { ...enrolment, euKey: enrolment.euKey.reveal() };
}

function codeOf(content: Uint8Array): string {
  const checked = new Uint8Array([...content, ...provider.sha256(content).subarray(0, 4)]);
  return `CPNS1-${encodeBase32(checked)}`;
}

function failure(code: string): CpnsError {
  try {
    decodeEnrolment(provider, code);
  } catch (error) {
    if (error instanceof CpnsError) return error;
    throw error;
  }
  throw new Error('the code was accepted');
}

const anyEnrolment = fc.record({
  entityId: fc.stringMatching(/^[a-z0-9-]{3,32}$/).filter(isEntityId),
  euKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  server: fc.constantFrom('10.0.0.1:8883', '[2001:db8::1]:1', 'a.b-c.example:65535'),
  serverId: fc.stringMatching(/^[a-z0-9.-]{1,64}$/).filter(isServerId),
  subscription: fc.record({
    subscriptionId: fc.string({ maxLength: 20 }),
    userId: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,31}$/).filter(isUserId),
    services: fc.array(fc.string({ maxLength: 10 }), { maxLength: 8 }),
    chargeable: fc.boolean(),
  }),
});

describe('enrolment code', () => {
  it('has the frozen form', () => {
    expect(encodeEnrolment(provider, example)).toBe(CODE);
    expect(open(decodeEnrolment(provider, CODE))).toEqual(open(example));
  });

  it('reads back whatever was written', () => {
    fc.assert(
      fc.property(anyEnrolment, (fields) => {
        const code = encodeEnrolment(provider, { ...fields, euKey: new Secret('EUKey', fields.euKey) });
        expect(code).toMatch(/^CPNS1-[0-9A-HJKMNP-TV-Z]+$/);
        expect(open(decodeEnrolment(provider, code))).toEqual(fields);
      }),
    );
  });

  it('does not care for case, spaces, dashes, line ends and letters that look like digits', () => {
    const spoken = `  ${CODE.toLowerCase().replace(/(.{7})/g, '$1 - \n')}\t`.replaceAll('0', 'o').replaceAll('1', 'l');
    expect(open(decodeEnrolment(provider, spoken))).toEqual(open(example));
    expect(open(decodeEnrolment(provider, CODE.replaceAll('1', 'I')))).toEqual(open(example));
  });

  it('notices every single wrong, missing or swapped character', () => {
    for (let at = 6; at < CODE.length; at++) {
      const other = CODE[at] === 'X' ? 'Y' : 'X';
      expect(failure(CODE.slice(0, at) + other + CODE.slice(at + 1)).code).toBe('EnrolmentChecksum');
      expect(failure(CODE.slice(0, at) + CODE.slice(at + 1)).code).toBe('EnrolmentChecksum');
      const swapped = CODE.slice(0, at) + (CODE[at + 1] ?? '') + CODE[at] + CODE.slice(at + 2);
      if (swapped !== CODE) expect(failure(swapped).code).toBe('EnrolmentChecksum');
    }
    expect(failure(`${CODE}U`).message).toBe('The enrolment code has a typing error or is incomplete: compare it and try again.');
  });

  it.each([
    ['', 'EnrolmentFormat'],
    ['hello', 'EnrolmentFormat'],
    ['CPNS-ABC', 'EnrolmentFormat'],
    [CODE.slice(6), 'EnrolmentFormat'],
    [`x${CODE}`, 'EnrolmentFormat'],
    [' '.repeat(9000), 'EnrolmentFormat'],
    [codeOf(new Uint8Array(3000)), 'EnrolmentFormat'],
    [codeOf(encodeCbor(new Map([[1, 'phone-1']]))), 'EnrolmentFormat'],
    [codeOf(new Uint8Array([0xff, 0xff])), 'EnrolmentFormat'],
    ['CPNS2-ABCDEF', 'EnrolmentVersion'],
    ['CPNS1-', 'EnrolmentChecksum'],
    ['CPNS1-0000', 'EnrolmentChecksum'],
    [CODE.slice(0, 40), 'EnrolmentChecksum'],
  ])('refuses %j with one sentence', (code, expected) => {
    const error = failure(code);
    expect(error).toMatchObject({ family: 'Config', code: expected });
    expect(error.message).toMatch(/^This .*|^The enrolment code/);
    expect(error.message).not.toContain('\n');
  });

  it('refuses contents that are out of bounds although the checksum is right', () => {
    const fields = (changes: [number, unknown][]) =>
      codeOf(
        encodeCbor(
          new Map<number, never>([
            [1, 'phone-1'],
            [2, new Uint8Array(32)],
            [3, 'host:1'],
            [4, 'server'],
            [
              5,
              new Map<number, unknown>([
                [1, 's'],
                [2, 'ann'],
                [3, []],
                [4, true],
              ]),
            ],
            ...changes,
          ] as [number, never][]),
        ),
      );
    expect(decodeEnrolment(provider, fields([])).entityId).toBe('phone-1');
    for (const change of [
      [1, 'Phone'],
      [1, '0123456789abcdef'],
      [2, new Uint8Array(31)],
      [3, 'host'],
      [4, 'A'],
      [5, new Map()],
    ] as [number, unknown][]) {
      expect(failure(fields([change])).code).toBe('EnrolmentFormat');
    }
  });

  it('never throws anything else, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `CPNS1-${text}`),
        ),
        (text) => void failure(text),
      ),
    );
  });

  it('shows no key in an error', () => {
    const error = failure(`${CODE.slice(0, -1)}Y`);
    expect(JSON.stringify(error) + error.message + String(error.cause)).not.toContain(CODE.slice(30, 60));
  });
});

describe('base32', () => {
  it('is injective both ways', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => void expect(decodeBase32(encodeBase32(octets))).toEqual(octets)));
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-HJKMNP-TV-Z]{0,40}$/), (text) => {
        const octets = decodeBase32(text);
        if (octets !== undefined) expect(encodeBase32(octets)).toBe(text);
      }),
    );
  });
  it('refuses characters outside the alphabet', () => {
    for (const text of ['UU', 'Ä0', '0=', 'ß0', '00\u0130']) expect(decodeBase32(text)).toBeUndefined();
  });
});

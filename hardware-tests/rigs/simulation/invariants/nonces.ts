import type { Invariant } from './world.js';

/** No pair of a key and a nonce ever seals twice, whoever uses it. */
export const nonces: Invariant = {
  name: 'no key and nonce are used twice',
  violations: ({ witness }) =>
    (witness?.recorder.reuses ?? []).map(({ first, sameInput }) => {
      const what = sameInput ? 'the same octets' : 'different octets';
      return `key ${first.key.slice(0, 16)} sealed ${what} twice with nonce ${first.nonce}`;
    }),
};

/**
 * Every text that separates one use of a key or hash from another, and the numbers of the one suite. A label that is spelt twice is a
 * label that can drift, so nothing else in the project spells one.
 */

/** Version of the protocol that this code speaks, and the highest it supports. */
export const PROTOCOL_VERSION = 1;
/** The one suite: SHA-256, HKDF, ChaCha20-Poly1305, AES-256-SIV, X25519, Ed25519. */
export const SUITE = 1;

/** First item of the info of every Expand. */
export const CONTEXT = 'CPNS-1';

/** Salts of Extract where the input is a key of its own. */
export const SALT = {
  euKey: 'CPNS-1 EUKey',
  pairing: 'CPNS-1 pair',
} as const;

/** Labels of Expand. */
export const EXPAND = {
  auth: 'auth',
  wrap: 'wrap',
  kid: 'kid',
  tlsPsk: 'tls-psk',
  request: 'req',
  sk: 'SK',
  hashPne: 'hash_PNE',
  hashServer: 'hash_server',
  kekPne: 'KEK PNE',
  kekGateway: 'KEK PNGW',
  skLocal: 'SKL',
  hashGateway: 'hash_PNGW',
  sid: 'sid',
  /** A direction follows: p2g, g2p, i2r, r2i. */
  keyPrefix: 'key ',
  ivPrefix: 'iv ',
  keySourcePrefix: 'ks ',
  /** Of key epochs from 1 on. */
  key: 'key',
  iv: 'iv',
  update: 'upd',
  /** A direction follows: p2s, s2p. */
  recordPrefix: 'rec ',
  sas: 'sas',
  confirmA: 'confirm A',
  confirmB: 'confirm B',
  pairKey: 'pair key',
  find: 'find',
  skLink: 'SKK',
  helloR: 'hello R',
  helloI: 'hello I',
  hint: 'hint',
  pairAdvertising: 'adv',
  groupWrap: 'GKW',
  groupMessage: 'GK msg',
  pnMessage: 'PN msg',
} as const;

/** First items of enc in transcripts and associated data. */
export const ENC = {
  capabilities: 'caps',
  header: 'hdr',
  transcript: 'th',
  request: 'req',
  wrap: 'wrap',
  wrapPne: 'PNE',
  wrapGateway: 'PNGW',
  localTranscript: 'thl',
  pairCommit: 'pair-commit',
  pair: 'pair',
  linkTranscript: 'thk',
  groupRecord: 'lkh',
  /** Of PN messages too: label and id differ there. */
  groupMessage: 'gmsg',
  rekey: 'CPNS-1 rekey',
} as const;

import type { CryptoProvider } from '@cpns/shared';
import {
  capsHash,
  channelSid,
  confirmationHashes,
  EMPTY,
  encodeHeader,
  euKeyPrk,
  firstKeySource,
  firstKeys,
  laterKeys,
  nextKeySource,
  panHashes,
  panSessionKey,
  panTranscriptHash,
  requestMac,
  rootFromPrk,
  type SkDirection,
  sessionKey,
  skRecordSecret,
  skSid,
  transcriptHash,
  utf8,
  wrapLocalEuKey,
} from '@cpns/shared/security';
import type { Inputs } from './inputs.js';

/** Outputs of a case; octets are printed as hex, text as it stands. */
export type Outputs = Record<string, Uint8Array | string>;

/** The whole of an establishment: server handshake, SK channel keys, PAN handshake and its keys. */
export function establishment(provider: CryptoProvider, inputs: Inputs): Outputs {
  const header = encodeHeader({
    version: inputs.u32('version'),
    suite: inputs.u32('suite'),
    idServer: inputs.text('idServer'),
    idPne: inputs.text('idPne'),
    idGw: inputs.text('idGw'),
    // Text in these test inputs only; the product passes 16 raw octets.
    pnId: utf8(inputs.text('pnId')),
    kid: inputs.text('kid'),
    capsHash: inputs.octets('capsHash'),
    localEuKeyNeeded: inputs.whole('L', 0, 1),
    randPne: inputs.octets('randPne'),
    randServer: inputs.octets('randServer'),
    ePne: inputs.octets('ePne'),
    eServer: inputs.octets('eServer'),
  });
  const root = rootFromPrk(provider, euKeyPrk(provider, inputs.secret('euKeyPne', 32)));
  const needed = inputs.whole('L', 0, 1) === 1;
  const wrapped = needed ? wrapLocalEuKey(provider, root.kWrap, header, { role: 'pne' }, inputs.secret('localEuKey', 32)) : EMPTY;
  const th = transcriptHash(provider, header, wrapped);
  const dh = inputs.octets('dh', 0, 32);
  const randoms = [inputs.octets('randPne'), inputs.octets('randServer')] as const;
  const sk = sessionKey(provider, root.kAuth, ...randoms, dh.length === 0 ? undefined : dh, th);
  const { hashPne, hashServer } = confirmationHashes(provider, root.kAuth, { sk, th });
  const record = (direction: SkDirection, inst: string) => skRecordSecret(provider, sk.reveal(), th, direction, inputs.octets(inst, 8));
  return {
    hdr: header,
    K_auth: root.kAuth.reveal(),
    K_wrap: root.kWrap.reveal(),
    W: wrapped,
    W_G: needed ? gatewayWrap(provider, inputs, header) : EMPTY,
    TH: th,
    SK: sk.reveal(),
    hash_PNE: hashPne,
    hash_server: hashServer,
    ...(needed ? panLeg(provider, inputs, header) : NO_PAN_LEG),
    K_tls: root.kTls.reveal(),
    hdrHash: provider.sha256(header),
    sid: skSid(provider, { sk, th }),
    rec_p2s: record('p2s', 'instPne'),
    rec_s2p: record('s2p', 'instServer'),
    kid: root.kid,
  };
}

function gatewayWrap(provider: CryptoProvider, inputs: Inputs, header: Uint8Array): Uint8Array {
  const root = rootFromPrk(provider, euKeyPrk(provider, inputs.secret('euKeyGw', 32)));
  const to = { role: 'gateway', randGw: inputs.octets('randGw', 32) } as const;
  return wrapLocalEuKey(provider, root.kWrap, header, to, inputs.secret('localEuKey', 32));
}

const PAN_DIRECTIONS = ['p2g', 'g2p'] as const;

function panLeg(provider: CryptoProvider, inputs: Inputs, header: Uint8Array): Outputs {
  const [a, b] = [inputs.octets('a'), inputs.octets('b')];
  const [ePneLocal, eGwLocal] = [inputs.octets('ePneLocal'), inputs.octets('eGwLocal')];
  const localEuKey = inputs.secret('localEuKey', 32);
  const th = panTranscriptHash(provider, { header, linkType: inputs.text('linkType'), a, b, ePneLocal, eGwLocal });
  const sk = panSessionKey(provider, localEuKey, { a, b }, inputs.octets('dhLocal', 32), th);
  const { hashPneL, hashPnGw } = panHashes(provider, localEuKey, sk, th);
  const outputs: Outputs = {
    TH_L: th,
    SK_L: sk.reveal(),
    hash_PNE_L: hashPneL,
    hash_PNGW: hashPnGw,
    sid_L: channelSid(provider, sk.reveal(), th),
  };
  for (const direction of PAN_DIRECTIONS) {
    const first = firstKeys(provider, sk.reveal(), th, direction);
    const source = firstKeySource(provider, sk.reveal(), th, direction);
    const second = laterKeys(provider, nextKeySource(provider, source));
    outputs[`key_${direction}`] = first.key;
    outputs[`iv_${direction}`] = first.iv;
    outputs[`ks0_${direction}`] = source;
    outputs[`key1_${direction}`] = second.key;
    outputs[`iv1_${direction}`] = second.iv;
  }
  return outputs;
}

/** Without a LocalEUKey there is no PAN leg in the run. */
const NO_PAN_LEG: Outputs = Object.fromEntries(
  [
    ...['TH_L', 'SK_L', 'hash_PNE_L', 'hash_PNGW', 'sid_L'],
    ...PAN_DIRECTIONS.flatMap((direction) => ['key', 'iv', 'ks0', 'key1', 'iv1'].map((name) => `${name}_${direction}`)),
  ].map((name) => [name, EMPTY]),
);

export function capsHashOf(provider: CryptoProvider, inputs: Inputs): Outputs {
  return { capsHash: capsHash(provider, inputs.octets('deviceCapabilities'), inputs.octets('request')) };
}

export function reqMacOf(provider: CryptoProvider, inputs: Inputs): Outputs {
  const { kAuth } = rootFromPrk(provider, euKeyPrk(provider, inputs.secret('euKeyPne', 32)));
  const reqMAC = requestMac(provider, kAuth, {
    version: inputs.u32('version'),
    suite: inputs.u32('suite'),
    idPne: inputs.text('idPne'),
    idGw: inputs.text('idGw'),
    kid: inputs.text('kid'),
    capsHash: inputs.octets('capsHash'),
    localEuKeyNeeded: inputs.whole('L', 0, 1),
    randPne: inputs.octets('randPne'),
    ePne: inputs.octets('ePne'),
  });
  return { reqMAC };
}

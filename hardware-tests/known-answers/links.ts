import type { CryptoProvider } from '@cpns/shared';
import {
  bleHint,
  channelSid,
  EMPTY,
  firstKeySource,
  firstKeys,
  laterKeys,
  linkFind,
  linkMacs,
  linkSessionKey,
  linkTranscriptHash,
  MAX_CONTENT,
  nextKeySource,
  pairingCode,
  pairingCommit,
  pairingConfirm,
  pairingKey,
  pairingKeyHash,
  pairingRoot,
  pairingTokenProof,
  pairingTranscriptHash,
  RECORD_TYPE,
  sealOrderedRecord,
  sealSkRecord,
  skRecordKeys,
  skSid,
} from '@cpns/shared/security';
import type { Outputs } from './establishment.js';
import type { Inputs } from './inputs.js';

const LINK_DIRECTIONS = ['i2r', 'r2i'] as const;

/** What every record holds: number, inner type, content and how many zero octets behind it. */
function plainOf(inputs: Inputs) {
  const content = inputs.octets('content');
  return {
    seq: inputs.u64('seq'),
    innerType: inputs.whole('innerType', 1, 255),
    content,
    padding: inputs.whole('padding', 0, Math.max(0, MAX_CONTENT - content.length)),
  };
}

export function panRecord(provider: CryptoProvider, inputs: Inputs): Outputs {
  const direction = inputs.oneOf('dir', ['p2g', 'g2p', ...LINK_DIRECTIONS]);
  const [sk, th, keyEpoch] = [inputs.octets('sk'), inputs.octets('th'), inputs.whole('keyEpoch', 0, 255)];
  const type = direction === 'p2g' || direction === 'g2p' ? RECORD_TYPE.pan : RECORD_TYPE.link;
  let keys = firstKeys(provider, sk, th, direction);
  let source = firstKeySource(provider, sk, th, direction);
  for (let epoch = 1; epoch <= keyEpoch; epoch++) {
    source = nextKeySource(provider, source);
    keys = laterKeys(provider, source);
  }
  return { ...sealOrderedRecord(provider, keys, { type, sid: channelSid(provider, sk, th), keyEpoch, ...plainOf(inputs) }) };
}

export function skRecord(provider: CryptoProvider, inputs: Inputs): Outputs {
  const material = { sk: inputs.secret('sk'), th: inputs.octets('th') };
  const inst = inputs.octets('inst', 8);
  const keys = skRecordKeys(provider, material, inputs.oneOf('dir', ['p2s', 's2p']), inst);
  return { ...sealSkRecord(provider, keys, { sid: skSid(provider, material), inst, ...plainOf(inputs) }) };
}

export function pairing(provider: CryptoProvider, inputs: Inputs): Outputs {
  const transcript = {
    version: inputs.u32('version'),
    suite: inputs.u32('suite'),
    idA: inputs.text('idA'),
    idB: inputs.text('idB'),
    linkType: inputs.text('linkType'),
    pkA: inputs.octets('pkA'),
    pkB: inputs.octets('pkB'),
    rA: inputs.octets('rA'),
    rB: inputs.octets('rB'),
  };
  const th = pairingTranscriptHash(provider, transcript);
  const root = pairingRoot(provider, inputs.octets('dh', 32));
  const t = pairingTokenProof(provider, inputs.secret('token', 16), th);
  return {
    commit: pairingCommit(provider, transcript),
    TH_P: th,
    PRK_P: root.reveal(),
    code: pairingCode(provider, root, th),
    t,
    confirm_A: pairingConfirm(provider, root, 'A', th, EMPTY),
    confirm_B: pairingConfirm(provider, root, 'B', th, EMPTY),
    confirm_A_link: pairingConfirm(provider, root, 'A', th, t),
    confirm_B_link: pairingConfirm(provider, root, 'B', th, t),
    K_pair: pairingKey(provider, root, th).reveal(),
    pkHash_B: pairingKeyHash(provider, transcript.pkB),
  };
}

export function linkSession(provider: CryptoProvider, inputs: Inputs): Outputs {
  const transcript = {
    version: inputs.u32('version'),
    suite: inputs.u32('suite'),
    idI: inputs.text('idI'),
    idR: inputs.text('idR'),
    linkType: inputs.text('linkType'),
    nI: inputs.octets('nI'),
    nR: inputs.octets('nR'),
    eI: inputs.octets('eI'),
    eR: inputs.octets('eR'),
  };
  const kPair = inputs.secret('kPair', 32);
  const th = linkTranscriptHash(provider, transcript);
  const sk = linkSessionKey(provider, kPair, transcript, inputs.octets('dh', 32), th);
  const { macR, macI } = linkMacs(provider, sk, th);
  const outputs: Outputs = {
    find: linkFind(provider, kPair, transcript.nI),
    TH_K: th,
    SK_K: sk.reveal(),
    mac_R: macR,
    mac_I: macI,
    sid_K: channelSid(provider, sk.reveal(), th),
  };
  for (const direction of LINK_DIRECTIONS) {
    const { key, iv } = firstKeys(provider, sk.reveal(), th, direction);
    outputs[`key_${direction}`] = key;
    outputs[`iv_${direction}`] = iv;
    outputs[`ks0_${direction}`] = firstKeySource(provider, sk.reveal(), th, direction);
  }
  return outputs;
}

export function bleHintOf(provider: CryptoProvider, inputs: Inputs): Outputs {
  return { hint: bleHint(provider, inputs.octets('kAdv', 16), inputs.octets('p', 3)) };
}

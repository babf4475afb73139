import type { CryptoProvider } from '@cpns/shared';
import {
  EXPAND,
  encodeGroupRecord,
  encodeMessageHeader,
  GROUP_KEY_NODE,
  type GroupRecordName,
  groupRecordAad,
  type MessageLabel,
  messageAad,
  messageKeyIv,
  messageSalt,
  nonceFor,
  type Secret,
  SenderKey,
  signRekeyPart,
  wrapNodeKey,
} from '@cpns/shared/security';
import type { Outputs } from './establishment.js';
import type { Inputs } from './inputs.js';

function record(provider: CryptoProvider, inputs: Inputs, node: number, under: Secret, key: Secret): Outputs {
  const name: GroupRecordName = {
    sgId: inputs.octets('sgIdBytes', 16),
    epoch: inputs.u64('e'),
    node,
    version: inputs.u32('ver'),
    underNode: inputs.u32('underNode'),
    underVersion: inputs.u32('underVer'),
  };
  const wrapped = wrapNodeKey(provider, name, under, key);
  return { aad: groupRecordAad(name), wrapped, rec: encodeGroupRecord({ ...name, wrapped }) };
}

export function groupRec(provider: CryptoProvider, inputs: Inputs): Outputs {
  return record(provider, inputs, inputs.u32('node'), inputs.secret('kUnder', 32), inputs.secret('kNode', 32));
}

export function groupKeyUnderGkek(provider: CryptoProvider, inputs: Inputs): Outputs {
  return record(provider, inputs, GROUP_KEY_NODE, inputs.secret('gkek', 32), inputs.secret('gk', 32));
}

export function rekeyPart(provider: CryptoProvider, inputs: Inputs): Outputs {
  const seed = inputs.secret('seed', 32);
  const sign = provider.ed25519Signer(seed.reveal());
  return { publicKey: provider.ed25519Public(seed.reveal()), sig: signRekeyPart(sign, inputs.octets('part')) };
}

function message(provider: CryptoProvider, inputs: Inputs, label: MessageLabel, key: Uint8Array, scope: Uint8Array): Outputs {
  const salt = messageSalt(inputs.u32('bootCounter'), inputs.octets('saltRandom', 4));
  const header = { scope, epoch: inputs.u64('e'), idSender: inputs.text('idSender'), salt, seq: inputs.u64('seq') };
  const keyIv = messageKeyIv(provider, key, label, header);
  const encoded = encodeMessageHeader(header);
  const sealed = new SenderKey(provider, keyIv.slice(), header).seal(header.seq, inputs.octets('content')).slice(encoded.length);
  return { salt, keyIv, header: encoded, nonce: nonceFor(keyIv.subarray(32), header.seq), aad: messageAad(header), sealed };
}

export function groupMessage(provider: CryptoProvider, inputs: Inputs): Outputs {
  return message(provider, inputs, EXPAND.groupMessage, inputs.octets('gk', 32), inputs.octets('sgIdBytes', 16));
}

export function pnMessage(provider: CryptoProvider, inputs: Inputs): Outputs {
  return message(provider, inputs, EXPAND.pnMessage, inputs.octets('pnKey', 32), inputs.octets('pnIdBytes', 16));
}

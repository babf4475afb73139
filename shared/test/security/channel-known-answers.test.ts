import { describe, expect, it } from 'vitest';
import { nativeProvider } from '../../src/node/index.js';
import {
  bleHint,
  type ChannelDirection,
  channelSid,
  firstKeySource,
  firstKeys,
  laterKeys,
  linkFind,
  linkMacs,
  linkSessionKey,
  linkTranscriptHash,
  matchesBleHint,
  nextKeySource,
  nobleProvider,
  type OrderedRecordType,
  openOrderedRecord,
  pairingCode,
  pairingCommit,
  pairingConfirm,
  pairingKey,
  pairingKeyHash,
  pairingRoot,
  pairingTokenProof,
  pairingTranscriptHash,
  panHashes,
  panSessionKey,
  panTranscriptHash,
  RECORD_TYPE,
  Secret,
  SecureChannel,
  type SkDirection,
  SkSender,
  sealOrderedRecord,
  sealSkRecord,
  skRecordKeys,
  skRecordSecret,
  skSid,
  toHex,
} from '../../src/security/index.js';
import { knownAnswers, reader, StoodClock } from './channel-fixture.js';

const NONE = new Uint8Array(0);
const concat = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));

describe.each([nobleProvider, nativeProvider])('known answers with the $name provider', (provider) => {
  describe('establishment: PAN leg', () => {
    it.each(knownAnswers('establishment').filter(({ inputs }) => inputs.L === 1))('$outputs.TH_L', (answer) => {
      const { octets, secret, text } = reader(answer);
      const { outputs } = answer;
      const [a, b, ePneLocal, eGwLocal] = [octets('a'), octets('b'), octets('ePneLocal'), octets('eGwLocal')];
      const header = Uint8Array.from(Buffer.from(outputs.hdr ?? '', 'hex'));
      const th = panTranscriptHash(provider, { header, linkType: text('linkType'), a, b, ePneLocal, eGwLocal });
      expect(toHex(th)).toBe(outputs.TH_L);
      const sk = panSessionKey(provider, secret('localEuKey'), { a, b }, octets('dhLocal'), th);
      expect(toHex(sk.reveal())).toBe(outputs.SK_L);
      const { hashPneL, hashPnGw } = panHashes(provider, secret('localEuKey'), sk, th);
      expect(toHex(hashPneL)).toBe(outputs.hash_PNE_L);
      expect(toHex(hashPnGw)).toBe(outputs.hash_PNGW);
      expect(toHex(channelSid(provider, sk.reveal(), th))).toBe(outputs.sid_L);
      for (const direction of ['p2g', 'g2p'] as const) {
        const first = firstKeys(provider, sk.reveal(), th, direction);
        expect(toHex(first.key)).toBe(outputs[`key_${direction}`]);
        expect(toHex(first.iv)).toBe(outputs[`iv_${direction}`]);
        const source = firstKeySource(provider, sk.reveal(), th, direction);
        expect(toHex(source)).toBe(outputs[`ks0_${direction}`]);
        const later = laterKeys(provider, nextKeySource(provider, source));
        expect(toHex(later.key)).toBe(outputs[`key1_${direction}`]);
        expect(toHex(later.iv)).toBe(outputs[`iv1_${direction}`]);
      }
    });
  });

  describe('establishment: SK channel', () => {
    it.each(knownAnswers('establishment'))('$outputs.sid', (answer) => {
      const { octets } = reader(answer);
      const { outputs } = answer;
      const material = { sk: new Secret('SK', Buffer.from(outputs.SK ?? '', 'hex')), th: Buffer.from(outputs.TH ?? '', 'hex') };
      expect(toHex(skSid(provider, material))).toBe(outputs.sid);
      const secret = (direction: SkDirection, inst: string) =>
        toHex(skRecordSecret(provider, material.sk.reveal(), material.th, direction, octets(inst)));
      expect(secret('p2s', 'instPne')).toBe(outputs.rec_p2s);
      expect(secret('s2p', 'instServer')).toBe(outputs.rec_s2p);
    });
  });

  describe('pan-record', () => {
    it.each(knownAnswers('pan-record'))('$inputs.dir, epoch $inputs.keyEpoch', (answer) => {
      const { octets, secret, text, number, u64 } = reader(answer);
      const { outputs } = answer;
      const dir = text('dir') as ChannelDirection;
      const type: OrderedRecordType = dir === 'p2g' || dir === 'g2p' ? RECORD_TYPE.pan : RECORD_TYPE.link;
      const [sk, th] = [octets('sk'), octets('th')];
      let keys = firstKeys(provider, sk, th, dir);
      let source = firstKeySource(provider, sk, th, dir);
      for (let epoch = 0; epoch < number('keyEpoch'); epoch++) {
        source = nextKeySource(provider, source);
        keys = laterKeys(provider, source);
      }
      const inputs = { seq: u64('seq'), innerType: number('innerType'), content: octets('content'), padding: number('padding') };
      const sid = channelSid(provider, sk, th);
      const sealed = sealOrderedRecord(provider, keys, { type, sid, keyEpoch: number('keyEpoch'), ...inputs });
      const { header, nonce, aad } = sealed;
      expect([header, nonce, aad, sealed.sealed].map(toHex)).toEqual([outputs.header, outputs.nonce, outputs.aad, outputs.sealed]);
      const record = concat(header, sealed.sealed);
      expect(openOrderedRecord(provider, keys, inputs.seq, type, record)).toEqual({ innerType: inputs.innerType, content: inputs.content });
      expect(openOrderedRecord(provider, keys, inputs.seq + 1n, type, record)).toBeUndefined();

      // The channel itself, brought to the same number and key epoch, makes the same octets.
      const role = dir === 'p2g' || dir === 'i2r' ? 'initiator' : 'responder';
      const limits = number('keyEpoch') === 0 ? {} : { recordsPerEpoch: Number(inputs.seq) / number('keyEpoch') };
      const channel = new SecureChannel({ provider, clock: new StoodClock(), type, role, sk: secret('sk'), th, limits });
      for (let seq = 0n; seq < inputs.seq; seq++) channel.seal(1, NONE);
      expect(toHex(channel.seal(1, inputs.content, { pad: inputs.padding > 0 }))).toBe(toHex(record));
    });
  });

  describe('sk-record', () => {
    it.each(knownAnswers('sk-record'))('$inputs.dir', (answer) => {
      const { octets, secret, text, number, u64 } = reader(answer);
      const { outputs } = answer;
      const material = { sk: secret('sk'), th: octets('th') };
      const direction = text('dir') as SkDirection;
      const inputs = { seq: u64('seq'), innerType: number('innerType'), content: octets('content'), padding: number('padding') };
      const inst = octets('inst');
      const keys = skRecordKeys(provider, material, direction, inst);
      const sealed = sealSkRecord(provider, keys, { sid: skSid(provider, material), inst, ...inputs });
      const { header, nonce, aad } = sealed;
      expect([header, nonce, aad, sealed.sealed].map(toHex)).toEqual([outputs.header, outputs.nonce, outputs.aad, outputs.sealed]);

      const sender = new SkSender({ provider, entropy: { bytes: () => inst.slice() }, clock: new StoodClock(), material, direction });
      for (let seq = 0n; seq < inputs.seq; seq++) sender.seal(1, NONE);
      expect(toHex(sender.seal(1, inputs.content, { pad: inputs.padding > 0 }))).toBe(toHex(concat(header, sealed.sealed)));
    });
  });

  describe('pairing', () => {
    it.each(knownAnswers('pairing'))('$outputs.code', (answer) => {
      const { octets, secret, text, number } = reader(answer);
      const transcript = {
        version: number('version'),
        suite: number('suite'),
        idA: text('idA'),
        idB: text('idB'),
        linkType: text('linkType'),
        pkA: octets('pkA'),
        pkB: octets('pkB'),
        rA: octets('rA'),
        rB: octets('rB'),
      };
      const th = pairingTranscriptHash(provider, transcript);
      const root = pairingRoot(provider, octets('dh'));
      const t = pairingTokenProof(provider, secret('token'), th);
      expect({
        commit: toHex(pairingCommit(provider, transcript)),
        TH_P: toHex(th),
        PRK_P: toHex(root.reveal()),
        code: pairingCode(provider, root, th),
        t: toHex(t),
        confirm_A: toHex(pairingConfirm(provider, root, 'A', th, NONE)),
        confirm_B: toHex(pairingConfirm(provider, root, 'B', th, NONE)),
        confirm_A_link: toHex(pairingConfirm(provider, root, 'A', th, t)),
        confirm_B_link: toHex(pairingConfirm(provider, root, 'B', th, t)),
        K_pair: toHex(pairingKey(provider, root, th).reveal()),
        pkHash_B: toHex(pairingKeyHash(provider, transcript.pkB)),
      }).toEqual(answer.outputs);
    });
  });

  describe('link-session', () => {
    it.each(knownAnswers('link-session'))('$outputs.sid_K', (answer) => {
      const { octets, secret, text, number } = reader(answer);
      const [nI, nR, eI, eR] = [octets('nI'), octets('nR'), octets('eI'), octets('eR')];
      const ids = { idI: text('idI'), idR: text('idR'), linkType: text('linkType') };
      const th = linkTranscriptHash(provider, { version: number('version'), suite: number('suite'), ...ids, nI, nR, eI, eR });
      const sk = linkSessionKey(provider, secret('kPair'), { nI, nR }, octets('dh'), th);
      const { macR, macI } = linkMacs(provider, sk, th);
      const i2r = firstKeys(provider, sk.reveal(), th, 'i2r');
      const r2i = firstKeys(provider, sk.reveal(), th, 'r2i');
      expect({
        find: toHex(linkFind(provider, secret('kPair'), nI)),
        TH_K: toHex(th),
        SK_K: toHex(sk.reveal()),
        mac_R: toHex(macR),
        mac_I: toHex(macI),
        sid_K: toHex(channelSid(provider, sk.reveal(), th)),
        key_i2r: toHex(i2r.key),
        iv_i2r: toHex(i2r.iv),
        ks0_i2r: toHex(firstKeySource(provider, sk.reveal(), th, 'i2r')),
        key_r2i: toHex(r2i.key),
        iv_r2i: toHex(r2i.iv),
        ks0_r2i: toHex(firstKeySource(provider, sk.reveal(), th, 'r2i')),
      }).toEqual(answer.outputs);
    });
  });

  describe('ble-hint', () => {
    it.each(knownAnswers('ble-hint'))('$outputs.hint', (answer) => {
      const { octets } = reader(answer);
      const hint = bleHint(provider, octets('kAdv'), octets('p'));
      expect(toHex(hint)).toBe(answer.outputs.hint);
      expect(matchesBleHint(provider, octets('kAdv'), hint)).toBe(true);
    });
  });
});

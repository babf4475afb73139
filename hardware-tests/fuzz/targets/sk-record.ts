import { nativeProvider as provider } from '@cpns/shared/node';
import {
  concat,
  INNER_TYPE,
  MAX_CONTENT,
  nonceFor,
  type OpenedRecord,
  type OpenedSkRecord,
  paddedLength,
  readSkHeader,
  Secret,
  SK_HEADER_LENGTH,
  SkChannel,
  type SkMaterial,
  SkOpener,
  SkSender,
  sealSkRecord,
  skHeader,
  skRecordKeys,
  skSid,
} from '@cpns/shared/security';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { must, sameOctets } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { CONTENTS } from './genuine.js';

const TAG_LENGTH = 16;
/** So many inputs see the same receiver: some are accepted, and count against what it keeps. */
const INPUTS_PER_RECEIVER = 500;
const INST = new Uint8Array(8).fill(0xab);
const LIVENESS = new Uint8Array([0xa1, 1, 2]);

const clock = new VirtualClock();
const entropy = new InsecureSeededEntropy('fuzzed SK session');
const [sk, th] = [entropy.bytes(32), entropy.bytes(32)];
const material = (): SkMaterial => ({ sk: new Secret('SK', sk.slice()), th });
const sid = skSid(provider, material());

/** A device's record with given number and padding. */
function record({ innerType, content }: OpenedRecord, inst: Uint8Array, seq: bigint, padding: number): Uint8Array {
  const keys = skRecordKeys(provider, material(), 'p2s', inst);
  const { header, sealed } = sealSkRecord(provider, keys, { sid, inst, seq, innerType, content, padding });
  return concat(header, sealed);
}

/** A record of a device that seals whatever it likes. */
function recordOf(plain: Uint8Array, seq: bigint): Uint8Array {
  const { key, iv } = skRecordKeys(provider, material(), 'p2s', INST);
  const header = skHeader(sid, INST, seq, plain.length + TAG_LENGTH);
  return concat(header, provider.seal(key, nonceFor(iv, seq), header, plain));
}

function seeds(): ReadonlyMap<string, Uint8Array> {
  return new Map(
    [...CONTENTS].map(([name, content], i) => {
      const padding = paddedLength(content.length + 1) - content.length - 1;
      return [name, record({ innerType: INNER_TYPE.envelope, content }, INST, BigInt(i), padding)];
    }),
  );
}

function mustBeGenuine(opened: OpenedSkRecord, data: Uint8Array): void {
  const padding = data.length - SK_HEADER_LENGTH - TAG_LENGTH - 1 - opened.content.length;
  must(sameOctets(record(opened, opened.inst, opened.seq, padding), data), 'a record that no sender made was accepted');
}

/** A receiver that lives on while it is given garbage, and the device it talks to. */
function openChannel(): OpenTarget {
  let [channel, device] = sides();
  let given = 0;
  function sides(): [SkChannel, SkSender] {
    return [
      new SkChannel({ provider, entropy, clock, material: material(), side: 'server' }),
      new SkSender({ provider, entropy, clock, material: material(), direction: 'p2s' }),
    ];
  }
  return {
    fuzz(data) {
      if (++given % INPUTS_PER_RECEIVER === 0) {
        channel.erase();
        device.erase();
        [channel, device] = sides();
      }
      const opened = channel.open(data);
      if (opened !== undefined) must(channel.open(data) === undefined, 'a record was accepted twice');
      channel.open(recordOf(data.subarray(0, MAX_CONTENT + 2), BigInt(given)));
      const heard = channel.open(device.seal(INNER_TYPE.envelope, LIVENESS));
      must(heard !== undefined && sameOctets(heard.content, LIVENESS), 'the next record of the device was not accepted');
      must(!channel.mustRehandshake, 'garbage made a new handshake necessary');
    },
    close: () => channel.erase(),
  };
}

function openOpener(): OpenTarget {
  const opener = new SkOpener(provider, material(), 'p2s');
  const device = new SkSender({ provider, entropy, clock, material: material(), direction: 'p2s' });
  return {
    fuzz(data) {
      const header = readSkHeader(data);
      const opened = opener.open(data);
      if (opened !== undefined) {
        must(header !== undefined && header.seq === opened.seq, 'a record was accepted under another number');
        mustBeGenuine(opened, data);
      }
      opener.open(recordOf(data.subarray(0, MAX_CONTENT + 2), 0n));
      const heard = opener.open(device.seal(INNER_TYPE.envelope, LIVENESS));
      must(heard !== undefined && sameOctets(heard.content, LIVENESS), 'the next record of the device was not accepted');
    },
    close: () => opener.erase(),
  };
}

export const skRecord: FuzzTarget = {
  name: 'sk-record',
  title: 'records of the SK channel at one end of it, and what is sealed in them',
  seeds,
  open: openChannel,
};

export const skOpener: FuzzTarget = {
  name: 'sk-opener',
  title: 'records of the SK channel at the server, whose database drops repetitions',
  seedsOf: 'sk-record',
  open: openOpener,
};

import { CpnsError } from '@cpns/shared';
import { nativeProvider as provider } from '@cpns/shared/node';
import {
  type ChannelDirection,
  channelSid,
  concat,
  firstKeys,
  INNER_TYPE,
  MAX_CONTENT,
  type OpenedRecord,
  ORDERED_HEADER_LENGTH,
  type OrderedRecordType,
  orderedHeader,
  paddedLength,
  RECORD_TYPE,
  Secret,
  SecureChannel,
  sealOrderedRecord,
  u64be,
} from '@cpns/shared/security';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { must, sameOctets } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { CONTENTS } from './genuine.js';

const DIRECTION: Record<OrderedRecordType, ChannelDirection> = { [RECORD_TYPE.pan]: 'p2g', [RECORD_TYPE.link]: 'i2r' };
const TAG_LENGTH = 16;

/** A session whose keys every run has; each input is what its first record might be. */
class FixedSession {
  readonly #sk: Uint8Array;
  readonly #th: Uint8Array;
  readonly #sid: Uint8Array;
  readonly #clock = new VirtualClock();

  constructor(readonly type: OrderedRecordType) {
    const entropy = new InsecureSeededEntropy(`fuzzed session ${type}`);
    this.#sk = entropy.bytes(32);
    this.#th = entropy.bytes(32);
    this.#sid = channelSid(provider, this.#sk, this.#th);
  }

  receiver(): SecureChannel {
    const sk = new Secret('SK', this.#sk.slice());
    return new SecureChannel({ provider, clock: this.#clock, type: this.type, role: 'responder', sk, th: this.#th });
  }

  /** The first record with this content, padded as the sender pads. */
  record({ innerType, content }: OpenedRecord, padding = paddedLength(content.length + 1) - content.length - 1): Uint8Array {
    const keys = firstKeys(provider, this.#sk, this.#th, DIRECTION[this.type]);
    const fields = { type: this.type, sid: this.#sid, keyEpoch: 0, seq: 0n, innerType, content, padding };
    const { header, sealed } = sealOrderedRecord(provider, keys, fields);
    return concat(header, sealed);
  }

  /** The first record of a peer that seals whatever it likes. */
  recordOf(plain: Uint8Array): Uint8Array {
    const { key, iv } = firstKeys(provider, this.#sk, this.#th, DIRECTION[this.type]);
    const header = orderedHeader(this.type, this.#sid, 0, plain.length + TAG_LENGTH);
    return concat(header, provider.seal(key, iv, concat(header, u64be(0n)), plain));
  }
}

function openFixed(session: FixedSession): OpenTarget {
  const receive = (record: Uint8Array): OpenedRecord | undefined => {
    const channel = session.receiver();
    try {
      const opened = channel.open(record);
      must(!channel.closed, 'a record was accepted and the session is closed');
      must(opened.content.length <= MAX_CONTENT, 'more content than a record may hold');
      must((Object.values(INNER_TYPE) as number[]).includes(opened.innerType), 'an inner type that does not exist');
      return opened;
    } catch (error) {
      if (!(error instanceof CpnsError && error.code === 'RecordRefused')) throw error;
      must(channel.closed, 'a record was refused and the session goes on');
      return undefined;
    } finally {
      channel.erase();
    }
  };
  return {
    fuzz(data) {
      const opened = receive(data);
      if (opened !== undefined) {
        const padding = data.length - ORDERED_HEADER_LENGTH - TAG_LENGTH - 1 - opened.content.length;
        must(sameOctets(session.record(opened, padding), data), 'a record that no sender made was accepted');
      }
      receive(session.recordOf(data.subarray(0, MAX_CONTENT + 2)));
    },
  };
}

function orderedRecords(name: string, title: string, type: OrderedRecordType): FuzzTarget {
  const session = new FixedSession(type);
  return {
    name,
    title,
    seeds: () => new Map([...CONTENTS].map(([name, content]) => [name, session.record({ innerType: INNER_TYPE.envelope, content })])),
    open: () => openFixed(session),
  };
}

export const panRecord = orderedRecords('pan-record', 'records of a PAN session, and what is sealed in them', RECORD_TYPE.pan);
export const linkRecord = orderedRecords('link-record', 'records of a link session, and what is sealed in them', RECORD_TYPE.link);

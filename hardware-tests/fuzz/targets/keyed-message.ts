import { entityId } from '@cpns/shared';
import { nativeProvider as provider } from '@cpns/shared/node';
import {
  concat,
  EXPAND,
  encodeMessageHeader,
  GroupKey,
  GroupMessages,
  type KeyedMessagesOptions,
  type MessageLabel,
  messageKeyIv,
  type OpenedMessage,
  PnKey,
  PnMessages,
  parseMessage,
  type Secret,
  SenderKey,
} from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { must, sameOctets, unlessRefused } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { CONTENTS } from './genuine.js';

/** What the two kinds of shared keys have in common. */
interface Messages {
  seal(content: Uint8Array, nowMs: number): Uint8Array;
  open(message: Uint8Array, nowMs: number): OpenedMessage;
  erase(): void;
}

interface Kind {
  readonly name: string;
  readonly title: string;
  readonly label: MessageLabel;
  messages(self: string, bootCounter: number): Messages;
}

const SCOPE = new Uint8Array(16).fill(0x11);
const KEY = new Uint8Array(32).fill(0x22);
const EPOCH = 3n;
/** So many inputs see the same receiver: some are accepted, and count against what it keeps. */
const INPUTS_PER_RECEIVER = 500;

function options<K extends Secret>(self: string, bootCounter: number, key: K): KeyedMessagesOptions<K> {
  const entropy = new InsecureSeededEntropy(`${self} ${bootCounter}`);
  return { provider, entropy, self: entityId(self), bootCounter, current: { epoch: EPOCH, key } };
}

const KINDS: readonly Kind[] = [
  {
    name: 'pn-message',
    title: 'messages under a PN key, also of members that lie',
    label: EXPAND.pnMessage,
    messages: (self, boot) => new PnMessages(SCOPE, options(self, boot, new PnKey('PN key', KEY.slice()))),
  },
  {
    name: 'group-message',
    title: 'messages under a Group Key, also of members that lie',
    label: EXPAND.groupMessage,
    messages: (self, boot) => new GroupMessages(SCOPE, options(self, boot, new GroupKey('Group Key', KEY.slice()))),
  },
];

function openReceiver({ messages, label }: Kind): OpenTarget {
  const honest = messages('honest', 1);
  let receiver = messages('phone', 1);
  let given = 0;
  const receive = (message: Uint8Array) => unlessRefused(['Codec', 'Auth', 'State'], () => receiver.open(message, 0));
  return {
    fuzz(data) {
      if (++given % INPUTS_PER_RECEIVER === 0) {
        receiver.erase();
        receiver = messages('phone', 1);
      }
      if (receive(data) !== undefined) must(receive(data) === undefined, 'a message was accepted twice');
      const parsed = unlessRefused(['Codec'], () => parseMessage(data));
      if (parsed !== undefined) {
        const { header, sealed } = parsed;
        must(sameOctets(concat(encodeMessageHeader(header), sealed), data), 'a header is accepted in two forms');
        if (header.idSender !== 'honest') receive(resealed(header, sealed, label));
      }
      const heard = receiver.open(honest.seal(data.subarray(0, 100), 0), 0);
      must(sameOctets(heard.content, data.subarray(0, 100)) && heard.idSender === 'honest', 'an honest message came out as another');
    },
    close() {
      receiver.erase();
      honest.erase();
    },
  };
}

/** The same header with a good tag, as a member can make it. */
function resealed(header: ReturnType<typeof parseMessage>['header'], content: Uint8Array, label: MessageLabel): Uint8Array {
  const key = new SenderKey(provider, messageKeyIv(provider, KEY, label, header), header);
  return key.seal(header.seq, content.subarray(0, 16_384));
}

function targetOf(kind: Kind): FuzzTarget {
  return {
    name: kind.name,
    title: kind.title,
    seeds() {
      const [board, later] = [kind.messages('board', 1), kind.messages('board', 2)];
      const seeds = [...CONTENTS].map(([name, content]) => [name, board.seal(content, 0)] as const);
      return new Map([...seeds, ['after-a-restart', later.seal(new Uint8Array([1]), 0)]]);
    },
    open: () => openReceiver(kind),
  };
}

export const [pnMessage, groupMessage] = KINDS.map(targetOf) as [FuzzTarget, FuzzTarget];

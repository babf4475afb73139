import { toHex } from '@cpns/shared/security';
import type { ReceivedMessage } from '../../index.js';
import type { MessageEvent } from '../api/messages.js';

/** A message that arrived, as `watch` shows it. */
export function messageEvent({ data, pnId, receivedAtWallMs }: ReceivedMessage): MessageEvent {
  return {
    type: 'message',
    messageId: toHex(data.id),
    ...(pnId && { pnId }),
    from: data.from,
    channel: data.channel,
    contentType: data.contentType,
    payload: Buffer.from(data.payload).toString('base64'),
    receivedAtWallMs,
  } as MessageEvent;
}

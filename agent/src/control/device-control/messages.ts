import { abortable, CpnsError, withDeadline } from '@cpns/shared';
import type { MessageEvent, MessagesControl } from '../api/messages.js';
import type { ControlContext } from './control-context.js';
import { untilAborted } from './until-aborted.js';

export function messagesControl({ current, clock, feed }: ControlContext): MessagesControl {
  return {
    async send({ to, pnId, channel, contentType, payload, waitMs }, { emit, signal }) {
      const { device, signal: ended } = current();
      const startedMs = clock.monotonicMs();
      const messageId = await device.messenger.queue({
        pnId,
        to: to.kind === 'server' ? 'server' : to.kind === 'entity' ? to.id : { sgId: to.group },
        channel,
        contentType,
        payload: new Uint8Array(Buffer.from(payload, 'base64')),
      });
      emit({ type: 'queued', messageId });
      if (waitMs === undefined) return { messageId, state: 'queued' };
      const delivered = await withDeadline(
        clock,
        waitMs,
        AbortSignal.any([signal, ended]),
        (limit) => abortable(device.messenger.outcome(messageId), limit),
        'The message was not delivered in time; it stays queued and goes out when it can.',
      ).catch(notDelivered);
      if (delivered) return { messageId, state: to.kind === 'group' ? 'sent' : 'delivered', afterMs: clock.monotonicMs() - startedMs };
      throw new CpnsError('State', 'MessageExpired', 'The message could not be delivered and was given up.');
    },

    watch({ messages, happenings, channel, group }, { emit, signal }) {
      const isWantedMessage = (event: MessageEvent) =>
        messages && (channel === undefined || channel === event.channel) && (group === undefined || group === event.group);
      const forget = feed.watch((event) => {
        const isWanted = event.type === 'message' ? isWantedMessage(event) : happenings;
        if (isWanted) emit(event);
      });
      return untilAborted(signal, forget);
    },
  };
}

function notDelivered(error: unknown): never {
  if (!(error instanceof CpnsError) || error.code !== 'DeadlinePassed') throw error;
  throw new CpnsError('Timeout', 'NotDelivered', error.message);
}

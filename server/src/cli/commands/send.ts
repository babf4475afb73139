import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CpnsError, type EntityId } from '@cpns/shared';
import { MAX_PAYLOAD } from '@cpns/shared/messages';
import { channelArgument, entityIdArgument, numberArgument } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { action, examples, type Register } from './register.js';

interface SendOptions {
  readonly channel: string;
  readonly type?: string;
  readonly file?: string;
  readonly wait: number;
}

/** `send` */
export const registerSend: Register = (program, environment) => {
  program
    .command('send')
    .summary('send data to a device')
    .description(
      'Sends application data to a device, sealed under its session key. Waits until the device has stored it; if that takes too long, ' +
        'the message stays queued and goes when the device is there.',
    )
    .argument('<device>', 'entity id', entityIdArgument)
    .argument('[text]', 'what to send; else --file')
    .option('--channel <name>', 'application channel', channelArgument, 'default')
    .option('--type <type>', 'content type (default: text/plain, or application/octet-stream with --file)')
    .option('--file <file>', `send the content of a file of at most ${MAX_PAYLOAD} octets; "-" is standard input`)
    .option('--wait <seconds>', 'wait so long for the answer of the device', numberArgument(0, 60), 10)
    .addHelpText(
      'after',
      examples(
        ['cpns-server send phone-1 "hello" --channel chat', ''],
        ['cpns-server send phone-1 --file photo.jpg --type image/jpeg', ''],
        ['date | cpns-server send phone-1 --file - --wait 0', 'only queue it'],
      ),
    )
    .action(
      action<SendOptions, [EntityId, string | undefined]>(environment, async (context, options, to, text) => {
        const payload = await payloadOf(context, text, options.file);
        const contentType = options.type ?? (text === undefined ? 'application/octet-stream' : 'text/plain');
        const message = { to, channel: options.channel, contentType, payload: payload.toString('base64'), waitMs: options.wait * 1000 };
        const sent = await (await context.server()).send(message);
        context.report.result(sent, [
          sent.state === 'delivered' ? `Delivered to "${to}".` : `Queued: "${to}" has not answered yet; the message goes when it is there.`,
        ]);
      }),
    );
};

async function payloadOf(context: CommandContext, text: string | undefined, file: string | undefined): Promise<Buffer> {
  if ((text === undefined) === (file === undefined)) {
    throw new CpnsError('Config', 'WhatToSend', 'Say what to send: either the text, or --file FILE.');
  }
  if (text !== undefined) return bounded(Buffer.from(text));
  if (file === '-') return readAll(context.terminal.input, context.signal);
  try {
    const handle = await open(file as string);
    try {
      // A stream, because the size of a pipe or device says nothing.
      return await readAll(handle.createReadStream(), context.signal);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CpnsError) throw error;
    throw new CpnsError('Config', 'CannotRead', `${file} cannot be read; check its name and permissions.`, { cause: error });
  }
}

async function readAll(input: Readable, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  let octets = 0;
  const abort = () => input.destroy(new CpnsError('State', 'Aborted', 'It was stopped before it was done.'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const part of input) {
      octets += (part as Buffer).length;
      parts.push(Buffer.from(part as Buffer));
      if (octets > MAX_PAYLOAD) break;
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return bounded(Buffer.concat(parts));
}

function bounded(payload: Buffer): Buffer {
  if (payload.length <= MAX_PAYLOAD) return payload;
  throw new CpnsError('Config', 'TooLarge', `One message holds at most ${MAX_PAYLOAD} octets; send larger content in parts.`);
}

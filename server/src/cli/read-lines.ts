import { CpnsError } from '@cpns/shared';

/**
 * The lines of a stream of octets, without their ends.
 * @throws CpnsError Codec/LineTooLong; Timeout/ServerSilent when nothing comes for `silenceMs`
 */
export async function* readLines(stream: ReadableStream<Uint8Array>, maxOctets: number, silenceMs: number): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await withinMs(reader.read(), silenceMs);
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > maxOctets) throw new CpnsError('Codec', 'LineTooLong', 'The server sent a line that is too long to be read.');
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function withinMs<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CpnsError('Timeout', 'ServerSilent', 'The server has fallen silent; look at its log.')), ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}

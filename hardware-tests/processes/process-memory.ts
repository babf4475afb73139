import { open, readFile } from 'node:fs/promises';
import type { NamedSecret } from './key-log.js';

const CHUNK_OCTETS = 4 * 1024 * 1024;
/** What could be written to: START-END PERMISSIONS ... of /proc/PID/maps. */
const WRITABLE = /^([0-9a-f]+)-([0-9a-f]+) rw/;
const FORMS = ['hex', 'base64', 'base64url'] as const;
/** So many characters of a text of a key are a finding; the end of one depends on what follows it. */
const TEXT_CHARACTERS = 40;

interface Region {
  readonly from: number;
  readonly to: number;
}

/** Which of these are in the memory of a process on this computer: raw, or as hex or base64 text of one or two octets a character. Linux. */
export async function foundInMemory(pid: number, secrets: readonly NamedSecret[]): Promise<string[]> {
  const needles = secrets.flatMap(({ what, octets }) => formsOf(octets).map((form) => ({ what, form })));
  const overlap = Math.max(0, ...needles.map(({ form }) => form.length));
  const found = new Set<string>();
  const memory = await open(`/proc/${pid}/mem`, 'r');
  const buffer = Buffer.allocUnsafeSlow(CHUNK_OCTETS);
  try {
    for (const { from, to } of await regionsOf(pid)) {
      for (let at = from; at < to; at += CHUNK_OCTETS - overlap) {
        // A region that has gone meanwhile, or that nobody may read, holds nothing.
        const { bytesRead } = await memory.read(buffer, 0, Math.min(CHUNK_OCTETS, to - at), at).catch(() => ({ bytesRead: 0 }));
        const octets = buffer.subarray(0, bytesRead);
        for (const { what, form } of needles) if (!found.has(what) && octets.includes(form)) found.add(what);
        if (bytesRead < CHUNK_OCTETS) break;
      }
    }
  } finally {
    buffer.fill(0);
    await memory.close();
  }
  return [...found];
}

async function regionsOf(pid: number): Promise<Region[]> {
  const lines = (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const [, from, to] = WRITABLE.exec(line) ?? [];
    return from === undefined || to === undefined ? [] : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
  });
}

function formsOf(octets: Uint8Array): Buffer[] {
  const raw = Buffer.from(octets);
  const texts = FORMS.map((form) => raw.toString(form).slice(0, TEXT_CHARACTERS));
  return [raw, ...texts.flatMap((text) => [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')])];
}

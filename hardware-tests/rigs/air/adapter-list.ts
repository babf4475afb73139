import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names the directory of a host in the environment of the processes that have its radio. */
export const HOST_VARIABLE = 'CPNS_AIR_HOST';

/** An adapter of a host, as the kernel would list it. */
export interface AdapterEntry {
  /** The N of `hciN`. A plug that goes in again gets a new one. */
  readonly index: number;
  readonly address: string;
  readonly isUp: boolean;
  /** Unix socket that speaks HCI (H4). */
  readonly socket: string;
}

const file = (directory: string) => join(directory, 'adapters.json');

/** Readers see the whole of the old list or the whole of the new one. */
export function writeAdapters(directory: string, adapters: readonly AdapterEntry[]): void {
  const draft = `${file(directory)}.new`;
  writeFileSync(draft, JSON.stringify(adapters));
  renameSync(draft, file(directory));
}

/** What was read last, and of which file. It is asked before every packet. */
const lastRead = new Map<string, { readonly version: string; readonly adapters: readonly AdapterEntry[] }>();

/** Answers at once, as the kernel does. */
export function readAdapters(directory: string): readonly AdapterEntry[] {
  const { ino, mtimeMs, size } = statSync(file(directory));
  const version = `${ino} ${mtimeMs} ${size}`;
  const known = lastRead.get(directory);
  if (known?.version === version) return known.adapters;
  const adapters = JSON.parse(readFileSync(file(directory), 'utf8')) as readonly AdapterEntry[];
  lastRead.set(directory, { version, adapters });
  return adapters;
}

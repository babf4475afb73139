import { type EntityId, isEntityId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import type { Announcement } from '../../entity/pan-technology.js';

/** Version of the LAN announcement and of the links behind it. */
const VERSION = '1';

/** An announcement as keys and values: what the TXT record and the page for devices without multicast say (protocol 0.22). */
export function writeAnnouncement(announcement: Announcement): Record<string, string> {
  return { v: VERSION, mode: String(announcement.mode), pairing: announcement.pairing ? '1' : '0' };
}

/** Reads what {@link writeAnnouncement} wrote; undefined when it is of another version or says nothing valid. */
export function readAnnouncement(fields: ReadonlyMap<string, string>): Announcement | undefined {
  if (fields.get('v') !== VERSION) return undefined;
  const mode = Object.values(Mode).find((m) => String(m) === fields.get('mode'));
  if (mode === undefined) return undefined;
  return { mode, pairing: fields.get('pairing') === '1' };
}

/** An announcement and who makes it, as JSON. */
export function writeIntroduction(id: EntityId, announcement: Announcement): string {
  return JSON.stringify({ id, ...writeAnnouncement(announcement) });
}

/** Reads what {@link writeIntroduction} wrote; anybody may have written something else. */
export function readIntroduction(text: string): (Announcement & { readonly id: EntityId }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  const id = fields.get('id');
  const announcement = readAnnouncement(fields);
  return id === undefined || !isEntityId(id) || announcement === undefined ? undefined : { id, ...announcement };
}

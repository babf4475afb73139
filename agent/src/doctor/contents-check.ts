import { stat } from 'node:fs/promises';
import { plural, systemCode } from '@cpns/shared/node';
import type { DoctorCheck } from '../control/api/doctor.js';
import { type Check, ok, warning } from './check.js';

/** Whether the files that the settings offer to others are there. */
export const checkContents: Check = async ({ settings }) => {
  const found = await Promise.all(settings.contents.map(({ file }) => checkFile(file, settings.limits.contentOctets)));
  const troubles = found.filter((trouble) => trouble !== undefined);
  const offered = found.length - troubles.length;
  return [...(offered > 0 ? [ok('contents', `${plural(offered, 'file')} can be offered`)] : []), ...troubles];
};

async function checkFile(file: string, maxOctets: number): Promise<DoctorCheck | undefined> {
  const cure = 'correct "contents" in the configuration';
  try {
    const stats = await stat(file);
    if (!stats.isFile()) return warning('contents', `${file} is not a file`, cure);
    if (stats.size <= maxOctets) return undefined;
    return warning('contents', `${file} has ${stats.size} octets, more than limits.contentOctets`, 'raise limits.contentOctets');
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT';
    return warning('contents', missing ? `${file} does not exist` : `${file} cannot be read (${systemCode(error) ?? 'unknown'})`, cure);
  }
}

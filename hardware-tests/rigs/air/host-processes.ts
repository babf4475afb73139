import { readdir, readFile } from 'node:fs/promises';
import { HOST_VARIABLE } from './adapter-list.js';

/** A process that runs on a host of the air. */
export interface HostProcess {
  readonly pid: number;
  /** The one that has the radio; the others are the agent and its commands. */
  readonly isRadio: boolean;
  /** Memory that it has, in octets. */
  readonly residentOctets: number;
}

const RADIO_PROGRAM = 'radio-main.js';
const PAGE_OCTETS = 4096;

/** All processes with the directory of the host in their environment. Those of the host only, as its directory is its own. */
export async function processesOn(directory: string): Promise<HostProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<HostProcess | undefined> => {
      try {
        const environment = (await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0');
        if (!environment.includes(`${HOST_VARIABLE}=${directory}`)) return undefined;
        const command = await readFile(`/proc/${pid}/cmdline`, 'latin1');
        const pages = Number((await readFile(`/proc/${pid}/statm`, 'latin1')).split(' ')[1]);
        return { pid: Number(pid), isRadio: command.includes(RADIO_PROGRAM), residentOctets: pages * PAGE_OCTETS };
      } catch {
        // It has ended, or is somebody else's.
        return undefined;
      }
    }),
  );
  return found.filter((process) => process !== undefined);
}

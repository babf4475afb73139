import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.js';

export interface Power {
  readonly mains: boolean;
  /** 0 to 100; without a battery 100. */
  readonly batteryPercent: number;
}

/** What is assumed where nothing is known: most devices without a readable battery have none. */
const UNKNOWN: Power = { mains: true, batteryPercent: 100 };

/** Where the power comes from now. */
export async function readPower(host: Host): Promise<Power> {
  if (host.platform === 'linux' || host.platform === 'android') return readSysfs(join(host.sysRoot, 'class', 'power_supply'));
  if (host.platform === 'darwin') return parsePmset(await host.run('pmset', ['-g', 'batt']));
  return UNKNOWN;
}

async function attribute(directory: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
  return text?.trim();
}

async function readSysfs(root: string): Promise<Power> {
  const supplies = await readdir(root).catch((): string[] => []);
  const charges: number[] = [];
  let online = false;
  let drawing = false;
  for (const supply of supplies.slice(0, 32)) {
    const directory = join(root, supply);
    // The batteries of mice and headsets are supplies too.
    if ((await attribute(directory, 'scope')) === 'Device') continue;
    if ((await attribute(directory, 'type')) !== 'Battery') {
      online ||= (await attribute(directory, 'online')) === '1';
      continue;
    }
    if ((await attribute(directory, 'present')) === '0') continue;
    drawing ||= (await attribute(directory, 'status')) === 'Discharging';
    const charge = Number(await attribute(directory, 'capacity'));
    if (charge >= 0 && charge <= 100) charges.push(charge);
  }
  if (charges.length === 0) return UNKNOWN;
  const batteryPercent = Math.round(charges.reduce((sum, charge) => sum + charge, 0) / charges.length);
  return { mains: online || !drawing, batteryPercent };
}

/** `pmset -g batt` of macOS. */
function parsePmset(text: string | undefined): Power {
  const charge = Number(/\b(\d{1,3})%;/.exec(text ?? '')?.[1] ?? Number.NaN);
  if (text === undefined || !(charge >= 0 && charge <= 100)) return UNKNOWN;
  return { mains: text.includes("'AC Power'"), batteryPercent: charge };
}

import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import { Keeper } from '../../processes/keeper.js';
import type { BuiltStage, Need, Rig } from '../rig.js';
import type { StageRadios } from '../stage-radios.js';
import { missingTool, type Tool } from '../tools.js';
import { ipBatch, namespaces } from './ip.js';
import { LanNetwork, PREFIX } from './lan-network.js';
import { LanStage } from './lan-stage.js';

/** What each need wants installed, and the Debian package that has it. */
const TOOLS: Partial<Record<Need, readonly Tool[]>> = {
  'dns-sd': [
    ['avahi-daemon', 'avahi-daemon'],
    ['avahi-browse', 'avahi-utils'],
    ['dbus-daemon', 'dbus'],
  ],
  mqtt: [
    ['mosquitto_pub', 'mosquitto-clients'],
    ['mosquitto_sub', 'mosquitto-clients'],
  ],
};

/** Each device a network namespace with the real programs, real multicast and real MQTT between them. */
export class LanRig implements Rig {
  readonly name = 'lan';
  readonly title = 'network namespaces on one switch: real processes, mDNS, WebSocket and MQTT';
  readonly offers: ReadonlySet<Need> = new Set<Need>(['power', 'cables', 'attacker', 'ip', 'dns-sd', 'mqtt']);
  readonly atOnce = 3;
  readonly #clock: Clock;
  #keeper: Promise<Keeper> | undefined;
  #stages = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async obstacle(): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'It needs the network namespaces of Linux.';
    if (process.getuid?.() !== 0) return 'Network namespaces need root: run it with sudo.';
    const missing = await missingTool([['ip', 'iproute2']]);
    if (missing !== undefined) return missing;
    const probe = `${PREFIX}${process.pid}-probe`;
    try {
      ipBatch(undefined, [`netns add ${probe}`]);
      try {
        ipBatch(probe, ['link add br0 type bridge']);
      } finally {
        ipBatch(undefined, [`netns del ${probe}`]);
      }
    } catch (error) {
      return `Network namespaces with a bridge cannot be made here (${String(error).split('\n')[1] ?? error}).`;
    }
    return undefined;
  }

  async lacks(need: Need): Promise<string | undefined> {
    return missingTool(TOOLS[need] ?? []);
  }

  /** `radios`: what makes Bluetooth for the devices, given a directory for it. */
  async build(radios?: (directory: string, keeper: Keeper) => Promise<StageRadios>): Promise<BuiltStage> {
    this.#keeper ??= clearUpAfterTheDead().then(() => new Keeper());
    const [keeper, clock, number] = [await this.#keeper, this.#clock, ++this.#stages];
    const directory = await mkdtemp(join(tmpdir(), `${PREFIX}-rig-${process.pid}-`));
    keeper.keep({ kind: 'directory', path: directory });
    const more = radios === undefined ? {} : { radios: await radios(join(directory, 'air'), keeper) };
    return LanStage.build({ network: new LanNetwork(keeper, number), directory, clock, keeper, ...more });
  }

  async close(): Promise<void> {
    await (await this.#keeper)?.close();
  }
}

/** Namespaces and directories carry the id of the process that made them; where that is gone together with its keeper, they are left over. */
async function clearUpAfterTheDead(): Promise<void> {
  const keeper = new Keeper();
  for (const name of await namespaces()) {
    if (isLeftBy(new RegExp(`^${PREFIX}(\\d+)-`), name)) keeper.keep({ kind: 'namespace', name });
  }
  for (const name of await readdir(tmpdir())) {
    if (isLeftBy(new RegExp(`^${PREFIX}-rig-(\\d+)-`), name)) keeper.keep({ kind: 'directory', path: join(tmpdir(), name) });
  }
  await keeper.close();
}

/** `name` has the id of a process in it that there is no more. */
function isLeftBy(form: RegExp, name: string): boolean {
  const pid = form.exec(name)?.[1];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

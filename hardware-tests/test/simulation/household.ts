import type { Happening } from '@cpns/agent';
import { type EntityId, entityId, type PnId } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { Attacker } from '../../rigs/simulation/attacker.js';
import {
  BOARD,
  LAPTOP,
  PHONE,
  pairByCode,
  type SimulatedDevice,
  type SimulatedDeviceOptions,
  simulatedDevice,
} from '../../rigs/simulation/device.js';
import { SimulatedServer, type SimulatedServerOptions } from '../../rigs/simulation/server.js';

export const LAPTOP_ID = entityId('laptop');
export const PHONE_ID = entityId('phone');
export const BOARD_ID = entityId('board');

/** Laptop (best suited), phone and board, all of Alice; the laptop is paired with both others. The attacker only listens, until told otherwise. */
export async function household(
  options: Partial<Record<string, Partial<SimulatedDeviceOptions>>> = {},
  serverOptions: SimulatedServerOptions = {},
) {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const server = new SimulatedServer(clock, serverOptions);
  const attacker = new Attacker({ air, server });
  const keys = new Map<string, Uint8Array>();
  const start = async (name: string, more: Partial<SimulatedDeviceOptions> = {}) => {
    const euKey = keys.get(name) ?? (await server.enrol(name));
    keys.set(name, euKey);
    const facts = { laptop: LAPTOP, phone: PHONE, board: BOARD }[name] ?? PHONE;
    return simulatedDevice(name, { air, clock, facts, euKey, uplink: server.uplink(name as EntityId), ...options[name], ...more });
  };
  const laptop = await start('laptop');
  const phone = await start('phone');
  const board = await start('board');
  await pairByCode(clock, laptop, phone);
  await pairByCode(clock, laptop, board);
  await clock.advance(5_000);
  /** Starts a device again on what its store had committed. */
  const restart = async (device: SimulatedDevice) => {
    await device.device.stop();
    await clock.advance(500);
    return start(device.id, { store: device.store });
  };
  return { clock, air, server, attacker, laptop, phone, board, start, restart };
}

export type Household = Awaited<ReturnType<typeof household>>;

export const never = (): AbortSignal => new AbortController().signal;
export const texts = (happenings: readonly Happening[]): string[] => happenings.map((what) => what.text);

/** Establishes at the phone. */
export function establishAtPhone({ clock, phone }: Household, setup: Parameters<SimulatedDevice['device']['networks']['establish']>[0]) {
  return clock.run(phone.device.networks.establish(setup, undefined, () => {}, never()));
}

/** Who is in the PN as the server, the gateway and a PNE have it, and their key epochs. */
export function views({ server, laptop }: Household, pnId: PnId, ...devices: SimulatedDevice[]) {
  const ids = (members: readonly { entityId: EntityId }[] | undefined) => members?.map((member) => member.entityId).sort();
  return {
    server:
      server.database.reads.pns.find(pnId)?.gateway &&
      server.database.reads.pns
        .members(pnId)
        .map((member) => member.entityId)
        .sort(),
    gateway: ids(laptop.device.state.pn(pnId)?.members),
    pnes: devices.map((device) => ids(device.device.state.pn(pnId)?.members)),
    epochs: [laptop, ...devices].map((device) => device.device.state.pn(pnId)?.pnKeyEpoch),
  };
}

/** A device wrote something down that contains `text`, for instance the code of an error. */
export function logged({ logger }: SimulatedDevice, text: string): boolean {
  return logger.lines.some((line) => `${line.message} ${JSON.stringify(line.fields)}`.includes(text));
}

/** Everything that the parties logged, for a failing test. */
export function logs({ server, laptop, phone, board }: Household): string {
  const lines = [laptop, phone, board].flatMap((device) =>
    device.logger.lines.map((line) => `${device.id} ${line.level} ${line.message} ${JSON.stringify(line.fields)}`),
  );
  return [...lines, ...server.logger.lines.map((line) => `server ${line.level} ${line.message} ${JSON.stringify(line.fields)}`)].join('\n');
}

import { type FSWatcher, watch } from 'node:fs';
import { type AdapterEntry, readAdapters } from '../adapter-list.js';
import { addressOctets, u16 } from '../controller/octets.js';
import type { LongTermKeys } from './long-term-keys.js';

/** Numbers of the kernel's management interface (BlueZ doc/mgmt-api.txt). */
const COMMAND = { readIndexList: 0x0003, readControllerInfo: 0x0004, loadLongTermKeys: 0x0013 } as const;
const EVENT = { complete: 0x0001, status: 0x0002, indexAdded: 0x0004, indexRemoved: 0x0005, newSettings: 0x0006 } as const;
const STATUS = { success: 0x00, unknownCommand: 0x01, invalidIndex: 0x11 } as const;
const NO_INDEX = 0xffff;
const HEAD_OCTETS = 6;

const SETTING = { powered: 1 << 0, lowEnergy: 1 << 9 } as const;
const BLUETOOTH_5_0 = 9;
/** Class of device and the two names, all empty. */
const NAMELESS = new Uint8Array(3 + 249 + 11);

/** What a kernel answers to programs that ask it about its adapters; here they are those of a host in the air. */
export class ManagementChannel {
  readonly #directory: string;
  readonly #keys: LongTermKeys;
  readonly #say: (packet: Buffer) => void;
  #known: readonly AdapterEntry[] = [];
  #watcher: FSWatcher | undefined;

  /** `say`: hands one event, head included, to the program. */
  constructor(directory: string, keys: LongTermKeys, say: (packet: Buffer) => void) {
    this.#directory = directory;
    this.#keys = keys;
    this.#say = say;
  }

  /** Begins to tell when adapters come, go, and are switched on and off. */
  start(): void {
    if (this.#watcher !== undefined) return;
    this.#known = readAdapters(this.#directory);
    this.#watcher = watch(this.#directory, { persistent: false }, () => this.#compare());
  }

  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** A command of the program. Answered in a later turn, as by a socket. */
  command(packet: Buffer): void {
    if (packet.length < HEAD_OCTETS) return;
    const [opcode, index] = [packet.readUInt16LE(0), packet.readUInt16LE(2)];
    const answer = this.#answer(opcode, index, packet);
    setImmediate(() => this.#say(answer));
  }

  #answer(opcode: number, index: number, packet: Buffer): Buffer {
    const adapters = readAdapters(this.#directory);
    const complete = (...results: readonly (readonly number[] | Uint8Array)[]) =>
      event(EVENT.complete, index, [...u16(opcode), STATUS.success], ...results);
    switch (opcode) {
      case COMMAND.readIndexList:
        return complete(
          u16(adapters.length),
          adapters.flatMap((adapter) => u16(adapter.index)),
        );
      case COMMAND.readControllerInfo: {
        const adapter = adapters.find((one) => one.index === index);
        if (adapter === undefined) return event(EVENT.status, index, [...u16(opcode), STATUS.invalidIndex]);
        const head = [BLUETOOTH_5_0, ...u16(NO_INDEX), ...u32(SETTING.powered | SETTING.lowEnergy), ...settings(adapter)];
        return complete(addressOctets(adapter.address), head, NAMELESS);
      }
      case COMMAND.loadLongTermKeys:
        this.#keys.load(packet.subarray(HEAD_OCTETS));
        return complete();
      default:
        return event(EVENT.status, index, [...u16(opcode), STATUS.unknownCommand]);
    }
  }

  #compare(): void {
    const [before, now] = [this.#known, readAdapters(this.#directory)];
    this.#known = now;
    const within = (list: readonly AdapterEntry[], { index }: AdapterEntry) => list.find((one) => one.index === index);
    for (const adapter of before) if (within(now, adapter) === undefined) this.#say(event(EVENT.indexRemoved, adapter.index));
    for (const adapter of now) {
      const old = within(before, adapter);
      if (old === undefined) this.#say(event(EVENT.indexAdded, adapter.index));
      else if (old.isUp !== adapter.isUp) this.#say(event(EVENT.newSettings, adapter.index, settings(adapter)));
    }
  }
}

function settings({ isUp }: AdapterEntry): number[] {
  return u32(SETTING.lowEnergy | (isUp ? SETTING.powered : 0));
}

function u32(value: number): number[] {
  return [...u16(value), ...u16(value >>> 16)];
}

function event(code: number, index: number, ...parts: readonly (readonly number[] | Uint8Array)[]): Buffer {
  const parameters = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  return Buffer.concat([Buffer.from([...u16(code), ...u16(index), ...u16(parameters.length)]), parameters]);
}

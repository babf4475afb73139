import { existsSync, readFileSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import { Program } from '../../processes/program.js';
import { Archive } from './image/archive.js';
import { baseImage } from './image/image.js';
import { addProject } from './image/project.js';

export const EMULATOR = 'qemu-system-x86_64';

const MEMORY_MIB = 2048;

/**
 * Everything in software: a `/dev/kvm` that is there may still not work. The guest's time is counted in the instructions that it executes, two
 * nanoseconds each, and where it only waits, its clock goes forward at once. So the guest is always a computer of the same, modest, speed,
 * however slow and busy this one is, and nothing in it races against this one. Wider vectors than this processor's only cost time;
 * without its random numbers the guest's kernel would have none for long.
 */
const PROCESSOR = ['-accel', 'tcg,thread=single', '-icount', 'shift=1,sleep=off', '-rtc', 'clock=vm', '-cpu', 'Nehalem,+rdrand'];

export interface GuestOptions {
  /** Where its files are made. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly say: (text: string) => void;
}

/** A virtual machine with Debian's kernel, BlueZ's virtual controllers and the built project. */
export class Guest {
  readonly #options: GuestOptions;
  #initramfs: Promise<{ readonly vmlinuz: string; readonly initramfs: string; readonly kernel: string }> | undefined;
  #boots = 0;

  constructor(options: GuestOptions) {
    this.#options = options;
  }

  /** Boots it to play scenarios; its standard output is the guest's report. @throws CpnsError Config/NoPackages, Config/NoModule, Transport/NoDownload */
  async boot(scenarios: readonly string[]): Promise<BootedGuest> {
    this.#initramfs ??= this.#assemble();
    const { vmlinuz, initramfs, kernel } = await this.#initramfs;
    const { directory, clock, keeper, say } = this.#options;
    say(`Booting Linux ${kernel} ...`);
    const console = join(directory, `console-${++this.#boots}.log`);
    // A kernel that has found itself broken ends the guest at once.
    const words = `console=ttyS0 quiet oops=panic panic=-1 mitigations=off cryptomgr.notests cpns.play=${scenarios.join(',')}`;
    const command = [
      EMULATOR,
      ...['-machine', 'q35', ...PROCESSOR, '-m', String(MEMORY_MIB)],
      ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-nic', 'none'],
      ...['-chardev', `file,id=console,path=${console}`, '-serial', 'chardev:console'],
      ...['-chardev', 'stdio,id=report,signal=off', '-device', 'virtio-serial-pci'],
      ...['-device', 'virtserialport,chardev=report,name=cpns.report'],
      ...['-kernel', vmlinuz, '-initrd', initramfs, '-append', words],
    ];
    return new BootedGuest(new Program({ name: 'the guest', command, clock, keeper, quiet: true }), console);
  }

  /** The base image, and after it the project as it is now. */
  async #assemble() {
    const { directory, say } = this.#options;
    const base = await baseImage(say);
    const project = join(directory, 'project');
    const archive = new Archive(project);
    await addProject(archive);
    archive.close();
    const initramfs = join(directory, 'initramfs');
    await appendFile(initramfs, await readFile(base.initramfs));
    await appendFile(initramfs, await readFile(project));
    return { ...base, initramfs };
  }
}

/** A guest that runs. */
class BootedGuest {
  readonly program: Program;
  readonly #console: string;

  constructor(program: Program, console: string) {
    this.program = program;
    this.#console = console;
  }

  /** What the kernel and everything outside the report have said so far. */
  console(): readonly string[] {
    return existsSync(this.#console) ? readFileSync(this.#console, 'utf8').split(/\r?\n/) : [];
  }
}

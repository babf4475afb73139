import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyUse } from './watched-keys.js';

/** Names the file to which a program that is watched adds its keys. */
export const KEY_LOG_VARIABLE = 'CPNS_KEY_LOG';

/** A line of such a file. */
export interface KeyLine {
  readonly use: KeyUse;
  /** Hexadecimal. */
  readonly key: string;
}

/** Octets that must not be seen, and what they are. */
export interface NamedSecret {
  readonly what: string;
  readonly octets: Uint8Array;
}

const WATCH = new URL('./keys-main.js', import.meta.url).href;

/**
 * Every key that programs of the product have used since they were started with it: they write down what goes through their crypto
 * provider. Nothing of the product is changed.
 */
export class KeyLog {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** `directory`: made, for it alone. */
  static async open(directory: string): Promise<KeyLog> {
    await mkdir(directory, { mode: 0o700 });
    return new KeyLog(directory);
  }

  /** Words in front of the command of a program that belongs to `name`. */
  prefix(name: string): readonly string[] {
    return ['env', `${KEY_LOG_VARIABLE}=${join(this.#directory, name)}`];
  }

  /** Arguments of its Node. */
  nodeArguments(watch: string = WATCH): readonly string[] {
    return ['--import', watch];
  }

  /** Each key once. */
  async keys(): Promise<NamedSecret[]> {
    const found = new Map<string, string>();
    for (const name of await readdir(this.#directory)) {
      const lines = (await readFile(join(this.#directory, name), 'utf8')).split('\n').slice(0, -1);
      for (const { use, key } of lines.map((line) => JSON.parse(line) as KeyLine)) if (!found.has(key)) found.set(key, `${use} of ${name}`);
    }
    return [...found].map(([key, what]) => ({ what, octets: Buffer.from(key, 'hex') }));
  }
}

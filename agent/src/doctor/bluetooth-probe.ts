import { createRequire } from 'node:module';
import { describeError, toCpnsError } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { type Adapter, listAdapters } from '../pan/ble/radio/adapters.js';

/** What the program below finds, as one line of JSON: the adapters, or which library is absent, or what else stands in the way. */
export type BluetoothProbe =
  | { readonly adapters: readonly Adapter[] }
  | { readonly notInstalled: string }
  | { readonly unusable: string; readonly isForOtherNode: boolean };

const LIBRARIES = ['@abandonware/noble', '@abandonware/bleno'];

/** The libraries contain native code, which may fail in any way: this runs as a program of its own. */
async function probe(): Promise<BluetoothProbe> {
  const { resolve } = createRequire(import.meta.url);
  for (const library of LIBRARIES) {
    try {
      resolve(library);
    } catch {
      return { notInstalled: library };
    }
  }
  try {
    return { adapters: await listAdapters(new SystemClock()) };
  } catch (error) {
    // What Node.js says of an add-on that was compiled for another version of it.
    return { unusable: toCpnsError(error).message, isForOtherNode: describeError(error).includes('NODE_MODULE_VERSION') };
  }
}

process.stdout.write(`${JSON.stringify(await probe())}\n`, () => process.exit());

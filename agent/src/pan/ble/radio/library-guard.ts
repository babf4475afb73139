import { isReadableAtt } from './att-guard.js';

const ATT_CHANNEL = 4;

/** Where both libraries take in what came off the air. */
interface Inside {
  readonly _bindings?: {
    onAclDataPkt?: (handle: number, channel: number, data: Uint8Array) => void;
    readonly _hci?: { onSocketData?: (packet: Uint8Array) => void };
  };
}

/**
 * Keeps what a library cannot read away from it, and survives what it throws at: anybody near may send anything. Must be called before
 * the library begins to listen.
 */
export function guardLibrary(library: object): void {
  const bindings = (library as Inside)._bindings;
  const take = bindings?.onAclDataPkt;
  if (bindings !== undefined && take !== undefined) {
    bindings.onAclDataPkt = (handle, channel, data) => {
      if (channel !== ATT_CHANNEL || isReadableAtt(data)) take.call(bindings, handle, channel, data);
    };
  }
  const hci = bindings?._hci;
  const read = hci?.onSocketData;
  if (hci === undefined || read === undefined) return;
  hci.onSocketData = (packet) => {
    try {
      read.call(hci, packet);
    } catch (error) {
      console.error('a packet off the air was dropped:', error);
    }
  };
}

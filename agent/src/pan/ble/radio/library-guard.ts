import { AclGuard } from './acl-guard.js';
import { isReadableAtt } from './att-guard.js';

const ATT_CHANNEL = 4;

const ACL_DATA = 0x02;
const EVENT = 0x04;
const COMPLETED_PACKETS = 0x13;
const HANDLE = 0x0fff;

/** Where both libraries take in what came off the air. */
interface Inside {
  readonly _bindings?: {
    onAclDataPkt?: (handle: number, channel: number, data: Uint8Array) => void;
    readonly _hci?: { onSocketData?: (packet: Uint8Array) => void };
    /** The connections of the central, by their handles. */
    readonly _aclStreams?: Readonly<Record<number, unknown>>;
    /** The connection of the peripheral. */
    readonly _handle?: number | null;
  };
}

/**
 * Keeps what a library cannot read away from it, and survives what it throws at: anybody near may send anything. Keeps the traffic of the
 * other library's connections away as well: both hear everything on one adapter, and would write each packet down as text before they
 * see that it is not theirs. Must be called before the library begins to listen.
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
  if (bindings === undefined || hci === undefined || read === undefined) return;
  const pieces = new AclGuard();
  hci.onSocketData = (packet) => {
    const handle = handleOf(packet);
    if (handle !== undefined && !isOwn(bindings, handle)) return;
    if (packet[0] === ACL_DATA && !pieces.passes(packet)) return;
    try {
      read.call(hci, packet);
    } catch (error) {
      console.error('a packet off the air was dropped:', error);
    }
  };
}

/** The connection that a packet of traffic is about; undefined for everything else. */
function handleOf(packet: Uint8Array): number | undefined {
  const at = packet[0] === ACL_DATA ? 1 : packet[0] === EVENT && packet[1] === COMPLETED_PACKETS && packet[3] === 1 ? 4 : undefined;
  if (at === undefined || packet.length < at + 2) return undefined;
  return ((packet[at] as number) | ((packet[at + 1] as number) << 8)) & HANDLE;
}

function isOwn({ _aclStreams, _handle }: NonNullable<Inside['_bindings']>, handle: number): boolean {
  return _aclStreams === undefined ? _handle === handle : _aclStreams[handle] !== undefined;
}

import type { EventEmitter } from 'node:events';
import { type Clock, CpnsError } from '@cpns/shared';
import { libraryCall } from './library-call.js';

/** An adapter that has not become ready within this time does not. */
const READY_MS = 5_000;

/** Waits until a library says that its adapter is ready; from then on `lost` is called when it no longer is. */
export async function adapterReady(library: EventEmitter, clock: Clock, lost: (error: CpnsError) => void): Promise<void> {
  let ready = false;
  await libraryCall<void>(
    { clock, ms: READY_MS, late: 'The Bluetooth adapter does not get ready; take it out and plug it in again.' },
    (outcome) => {
      // Both libraries begin to work when somebody listens for this event, and never stop.
      library.on('stateChange', (state: string) => {
        if (ready) return lost(new CpnsError('Transport', 'AdapterLost', 'The Bluetooth adapter was switched off or taken out.'));
        if (state === 'poweredOn') {
          ready = true;
          outcome.done();
        } else if (state === 'unauthorized') outcome.fail(forbidden());
        else if (state === 'unsupported') outcome.fail(unsupported());
      });
      return () => {};
    },
  );
}

/** The one cure that a person needs; the agent itself needs no more than this. */
function forbidden(): CpnsError {
  const cure = `add AmbientCapabilities=CAP_NET_RAW to its systemd unit, or run: sudo setcap cap_net_raw+ep ${process.execPath}`;
  return new CpnsError('Config', 'RadioForbidden', `This agent may not use the Bluetooth adapter: ${cure}`);
}

function unsupported(): CpnsError {
  return new CpnsError('Config', 'NoLowEnergy', 'This Bluetooth adapter knows no Low Energy; use another one (pan.ble.adapter).');
}

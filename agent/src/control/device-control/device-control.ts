import type { AgentControl } from '../agent-control.js';
import type { DoctorControl } from '../api/doctor.js';
import type { LifecycleControl } from '../api/lifecycle.js';
import type { PeersControl } from '../api/peers.js';
import { consentControl } from './consent.js';
import { contentsControl } from './contents.js';
import type { ControlContext } from './control-context.js';
import { entryControl } from './entry.js';
import { groupsControl } from './groups.js';
import { logsControl } from './logs.js';
import { messagesControl } from './messages.js';
import { networksControl } from './networks.js';
import { pairingControl } from './pairing.js';
import { peersReport } from './peers-report.js';
import { statusControl } from './status.js';

/** The control API of an agent over its device. */
export function deviceControl(context: ControlContext): AgentControl {
  const peers: PeersControl = {
    peers: async ({ explain }) => peersReport(context.current().device, context.clock, explain),
  };
  const doctor: DoctorControl = { doctor: (signal) => context.doctor(signal) };
  const lifecycle: LifecycleControl = {
    reset: ({ everything }) => context.reset(everything),
    stop: async () => {
      context.stop();
      return {};
    },
  };
  return {
    ...statusControl(context),
    ...peers,
    ...pairingControl(context),
    ...consentControl(context),
    ...networksControl(context),
    ...entryControl(context),
    ...groupsControl(context),
    ...messagesControl(context),
    ...contentsControl(context),
    ...logsControl(context),
    ...doctor,
    ...lifecycle,
  };
}

import { plural, table } from '@cpns/shared/node';
import type { StatusReport } from '../../control/api/status.js';
import { minutes } from './durations.js';

/** A {@link StatusReport} for people. */
export function statusText(status: StatusReport): string[] {
  const rows: string[][] = [
    ['Device', status.name === status.id ? status.id : `${status.id} (${status.name})`],
    ['Mode', status.mode],
    ['PN GW', `${status.gateway ?? 'none'}: ${status.modeReason}`],
    ['Server', serverText(status)],
    ...status.pan.map((pan) => [pan.technology.toUpperCase(), pan.problem ?? panText(pan)]),
    ['Devices', `${status.peers.paired} paired, ${status.peers.linked} linked, ${status.peers.near} near`],
    ...status.pns.map((pn) => ['PN', `${pn.pnId} ${pn.state}, ${pn.role}, PN GW ${pn.gateway}, ${plural(pn.members, 'member')}`]),
    ['Waiting', `${plural(status.outbox.messages, 'message')} to be delivered`],
  ];
  if (status.pairingWindow !== undefined) {
    const { closesInMs, attemptsLeft } = status.pairingWindow;
    rows.push(['Pairing', `window open, closes in ${minutes(closesInMs)}, ${plural(attemptsLeft, 'attempt')} left`]);
  }
  if (status.consentsWaiting > 0) {
    rows.push(['Consent', `${plural(status.consentsWaiting, 'request')} for your yes or no: cpns-agent consent list`]);
  }
  rows.push(...status.warnings.map((warning) => ['Warning', warning]));
  return table(rows);
}

function panText(pan: StatusReport['pan'][number]): string {
  if (pan.state !== 'running') return pan.state;
  return pan.addresses.length === 0 ? 'running' : `running at ${pan.addresses.join(', ')}`;
}

function serverText({ server }: StatusReport): string {
  const where = server.address === undefined ? server.id : `${server.id} at ${server.address}`;
  if (server.uplink === 'unused') {
    if (server.probe === undefined) return `${where}, through the PN GW`;
    return `${where}, through the PN GW; ${server.probe.reachable ? 'reachable from here' : 'not reachable from here'}`;
  }
  return server.reason === undefined ? `${where}, ${server.uplink}` : `${where}, ${server.uplink}: ${server.reason}`;
}

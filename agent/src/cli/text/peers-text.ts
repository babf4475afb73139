import { table } from '@cpns/shared/node';
import type { PeerReport, PeersReport, ScoreReport } from '../../control/api/peers.js';

/** A {@link PeersReport} for people. */
export function peersText(report: PeersReport, explain: boolean): string[] {
  const lines: string[] = [];
  if (report.peers.length === 0) lines.push('No other device is near or paired. Pair one with: cpns-agent pair');
  else lines.push(...table([['DEVICE', 'PAIRED', 'LINK', 'MODE', 'SEEN AT'], ...report.peers.map(peerRow)]));
  const { gateway, reason } = report.assignment;
  lines.push('', `PN GW: ${gateway ?? 'none'}. ${reason}`);
  if (explain) {
    lines.push(...scoreText(`${report.self.id} (this device)`, report.self.score));
    for (const peer of report.peers.filter((peer) => peer.paired)) lines.push(...scoreText(peer.id, peer.score));
  }
  return lines;
}

function peerRow(peer: PeerReport): string[] {
  const seen = peer.sightings.flatMap((sighting) => sighting.addresses.map((address) => `${sighting.technology} ${address}`));
  return [
    peer.name === undefined ? peer.id : `${peer.id} (${peer.name})`,
    peer.paired ? 'yes' : peer.pairing ? 'window open' : 'no',
    peer.link?.technology ?? '-',
    peer.mode,
    seen.length === 0 ? '-' : seen.join(', '),
  ];
}

/** The score of one device, line by line. */
function scoreText(who: string, score: ScoreReport | undefined): string[] {
  if (score === undefined) return ['', `${who}: its capabilities are not known`];
  const width = Math.max(...score.lines.map((line) => String(line.points).length), String(score.total).length);
  return [
    '',
    `${who}: ${score.eligible ? 'can be PN GW' : 'cannot be PN GW'}`,
    ...score.missing.map((sentence) => `  missing: ${sentence}`),
    ...table(score.lines.map((line) => [`  ${line.what}`, line.value, String(line.points).padStart(width)])),
    `  total ${score.total}`,
  ];
}

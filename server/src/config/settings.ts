import { isIP } from 'node:net';
import { isHostPort, isServerId } from '@cpns/shared';
import { setting } from '@cpns/shared/node';
import * as v from 'valibot';

const { count, flag, group, oneOf, optionalText, settingsFile, text } = setting;
const port = (fallback: number, doc: string) => count(fallback, `${doc} 0 takes a free one.`, 0, 65_535);
const isAddress = (host: string) => isIP(host) !== 0 || host === 'localhost';

/**
 * Every setting of the server: name, bounds, default and documentation in one table. The type, the check of the file, the default file
 * that `cpns-server init` writes and the list in docs/limits.md all come from here. Limits are those of security 2.1.
 */
export const settingsTable = settingsFile({
  server: group('Who this server is.', {
    id: optionalText(
      'ID_S, the name that devices authenticate. Chosen by init and never to be changed: enrolled devices accept no other.',
      64,
      isServerId,
      'a server id: 1 to 64 characters of a-z, 0-9, "." and "-"',
    ),
  }),
  uplink: group('Where devices connect: MQTT 3.1.1 over TLS-PSK.', {
    host: optionalText('Address to listen on. Default: all addresses of this machine.', 64, isAddress, 'an IP address'),
    port: port(8883, 'TCP port to listen on;'),
    publicAddress: optionalText(
      'HOST:PORT that devices use; it is written into enrolment codes. Default: the first address of this machine and the port above.',
      262,
      isHostPort,
      'HOST:PORT, such as cpns.example.org:8883 or [2001:db8::1]:8883',
    ),
    announce: flag(true, 'Announce the server by mDNS as _cpns-server._tcp.'),
    maxConnections: count(10_000, 'Connections at once.'),
    maxPendingConnections: count(512, 'Of these, connections that have not proven who they are.'),
    handshakesPerSecondPerAddress: count(10, 'TLS handshakes a second from one address (IPv6: one /64).'),
    handshakeBurstPerAddress: count(20, 'TLS handshakes that one address may open at once.'),
    connectTimeoutMs: count(10_000, 'From TCP connect to accepted MQTT CONNECT, in milliseconds.', 100, 600_000),
    keepaliveLimitS: count(300, 'Longest MQTT keep-alive that is accepted, in seconds.', 5, 65_535),
    maxFrameOctets: count(65_536, 'Longest MQTT frame, in octets.', 1024, 1_048_576),
    framesPerSecondPerDevice: count(500, 'MQTT frames a second that one device may send in the long run.'),
    frameBurstPerDevice: count(2_000, 'MQTT frames that one device may send at once.'),
    uplinkConcurrencyPerDevice: count(16, 'Messages of one device that are worked on at once.', 1, 1000),
    maxUnsentOctetsPerDevice: count(1_048_576, 'Octets that may wait for a device which reads slowly; more stay in the outbox.', 65_536),
    drainTimeoutMs: count(10_000, 'A device that reads nothing for so long is disconnected, in milliseconds.', 100, 600_000),
  }),
  admin: group('The admin HTTP API that the commands of cpns-server use.', {
    host: text('127.0.0.1', 'Address to listen on. Anything but loopback lets others try tokens.', 64, isAddress, 'an IP address'),
    port: port(7473, 'TCP port to listen on;'),
    requestsPerSecond: count(50, 'Requests a second in the long run.'),
    requestBurst: count(200, 'Requests at once.'),
    maxWatchers: count(16, 'Open watch requests.'),
  }),
  database: group('The embedded database.', {
    file: text('cpns.db', 'File name within the state directory.', 64, (name) => /^[\w-][\w.-]*$/.test(name), 'a plain file name'),
    groupCommit: flag(true, 'Commit messages that come at the same moment together; false commits each alone, which is slower.'),
  }),
  sessions: group('Authentication and session keys.', {
    requireForwardSecrecy: flag(true, 'Refuse devices that offer no X25519 key.'),
    challengeTimeoutMs: count(30_000, 'A challenge is answered within, in milliseconds.', 1000, 600_000),
    acknowledgeTimeoutMs: count(120_000, 'A PNE that has not acknowledged after so long is removed, in milliseconds.', 1000, 3_600_000),
    sessionLifetimeMs: count(86_400_000, 'A session key lives so long, in milliseconds.', 60_000, 86_400_000),
    oldSessionGraceMs: count(60_000, 'The session key before the present one is still received for, in milliseconds.', 0, 600_000),
    heartbeatMs: count(60_000, 'A heartbeat goes to every connected device each, in milliseconds.', 1000, 3_600_000),
    capabilitiesQueryMs: count(
      3_600_000,
      'Every PN GW is asked for its device capabilities and those of its PNEs that often, and after a start of the server, in milliseconds.',
      60_000,
    ),
    answersKeptMs: count(86_400_000, 'Answers to requests are kept for repetitions, in milliseconds.', 60_000),
    cachedKeys: count(10_000, 'EUKeys kept ready in memory.', 1),
  }),
  limits: group('What one device, gateway, PN or group may ask for.', {
    openChallengesPerGateway: count(64, 'Challenges under way per PN GW.'),
    establishmentsPerSecondPerGateway: count(20, 'PNEs that a PN GW may have authenticated, a second.'),
    openRequestsPerEntity: count(64, 'Requests under way per device.'),
    requestsPerSecondPerPne: count(1, 'Requests a second per PNE in the long run.'),
    requestBurstPerPne: count(10, 'Requests at once per PNE.'),
    sessionUnknownPerSecondPerGateway: count(1, 'SessionUnknown hints a second per PN GW.'),
    confirmationsPer10MinPerOwner: count(3, 'Questions about guests, whether they are his and chargeable, to one user in ten minutes.'),
    outboxMessagesPerEntity: count(1_000, 'Messages that wait for one device.'),
    outboxOctetsPerEntity: count(1_048_576, 'Octets that wait for one device.'),
    outboxKeptMs: count(86_400_000, 'Messages for absent devices are kept, in milliseconds.', 60_000),
    pnsPerGateway: count(16, 'PNs per PN GW.'),
    membersPerPn: count(1_000, 'Members of one PN.'),
    groupsPerDevice: count(64, 'Service groups that one device may be in.', 1, 64),
    membersPerGroup: count(65_536, 'Members of one service group.', 2, 65_536),
    groupChangesPerHourPerMember: count(10, 'Times that one device may join and leave one service group in an hour.'),
    groupResyncsPer10SPerMember: count(
      1,
      'Times in ten seconds that one device may ask for its path in the key tree of one service group.',
    ),
    groupQuestionsPer10MinPerDevice: count(20, 'Questions about service groups to one device, for one user, in ten minutes.'),
    groupObjectPartsPerSecondPerMember: count(
      20,
      'Parts of shared objects, of 15,000 octets each, that one device may ask for, and be asked for, a second.',
    ),
    groupObjectChangesPerHourPerMember: count(120, 'Times in an hour that one device may share and withdraw objects in one service group.'),
    groupMembersTold: count(
      256,
      'In service groups of so many members each is told of every member or object that comes or goes; in larger ones they ask.',
      0,
      65_536,
    ),
    groupKeptMessagesPerGroup: count(1_000, 'Messages of one service group that are kept for members that are away.', 0),
    groupKeptOctetsPerGroup: count(4_194_304, 'Octets of these.', 0),
    groupKeptCopiesPerGroup: count(4_096, 'Of these, each counted once for every member that has not got it.', 1, 65_536),
    groupKeptMessagesPerMember: count(500, 'Messages of one service group that are kept for one member.', 0),
    groupKeptCopiesPerSecondPerMember: count(
      200,
      'Copies, likewise, that the messages of one device may add a second in the long run; beyond that they are not kept.',
    ),
    groupKeptMs: count(604_800_000, 'Messages of service groups are kept so long, in milliseconds.', 60_000),
    pnesPerRegistration: count(32, 'PNEs in one PN Registration Request.', 1, 64),
  }),
  groups: group('Group Keys of service groups.', {
    expelWindowMs: count(100, 'Expulsions and entries of so long make one rekey, in milliseconds.', 1, 5_000),
    leaveWindowMs: count(5_000, 'Leaves of so long make one rekey, in milliseconds.', 1, 60_000),
    keyLifetimeMs: count(86_400_000, 'A Group Key is renewed after so long, in milliseconds.', 60_000),
    messagesPerKey: count(1_048_576, 'A Group Key is renewed after about so many messages.', 1, 1_048_576),
  }),
  log: group('What the server says about itself.', {
    level: oneOf(['debug', 'info', 'notice', 'warn', 'error'], 'info', 'Least severe line that is written.'),
    format: oneOf(['text', 'json'], 'text', 'Lines for people or for machines.'),
  }),
});

/** All settings, with defaults filled in. */
export type Settings = v.InferOutput<typeof settingsTable>;

/** The defaults, for tests and benchmarks to vary. */
export function defaultSettings(): Settings {
  return v.parse(settingsTable, {});
}

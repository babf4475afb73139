import { settingsSchema } from '@cpns/agent';
import { settingsTable } from '@cpns/server';
import { describeSettings } from '@cpns/shared/node';
import { constantsOf, constantTable } from './constant-table.js';
import { duration, grouped } from './source-constants.js';

const WIRE = [
  ...constantsOf('shared/src/messages/cbor.ts', [
    ['MAX_DEPTH', '', 'Depth of arrays and maps', 'stacks that overflow in a decoder'],
    ['MAX_ITEMS', '', 'Items in one message', 'messages that cost more to read than to write'],
  ]),
  ...constantsOf('shared/src/messages/frame.ts', [
    ['MAX_PAN_ENVELOPE', 'octets', 'Envelope on a PAN hop', 'buffers that a device near can fill'],
    ['MAX_UPLINK_ENVELOPE', 'octets', 'Envelope on the uplink', 'buffers that an enrolled device can fill at the server'],
  ]),
  ...constantsOf('shared/src/messages/data.ts', [
    ['MAX_PAYLOAD', 'octets', 'Application payload of one message', 'messages that do not fit into one envelope'],
  ]),
  ...constantsOf('shared/src/messages/establishment.ts', [
    ['MAX_PNES_PER_REGISTRATION', '', 'PNEs in one PN Registration', 'one request that holds up a server'],
  ]),
  ...constantsOf('shared/src/security/record.ts', [
    ['MAX_CONTENT', 'octets', 'Content of one record', 'buffering before a tag is verified'],
  ]),
  ...constantsOf('shared/src/security/envelope-parts.ts', [
    ['MAX_ASSEMBLIES', '', 'Envelopes of one session whose parts are awaited', 'memory spent on parts that never come'],
    ['ASSEMBLY_MS', 'ms', 'Parts of one envelope are kept', 'likewise'],
  ]),
  ...constantsOf('shared/src/uplink/topics.ts', [['LONGEST', 'octets', 'MQTT topic or filter', 'work on topics that cannot be ours']]),
  ...constantsOf('shared/src/enrolment.ts', [['LONGEST_TEXT', 'octets', 'Enrolment code, spaces and dashes included', 'endless input']]),
  ...constantsOf('shared/src/segments/segment.ts', [
    ['MAX_FRAME_OCTETS', 'octets', 'Frame over Bluetooth', 'buffers that a device near can fill: one frame each way'],
    ['MAX_WINDOW', '', 'Segments under way that nobody granted anew', 'floods, and queues in a stack without back-pressure'],
  ]),
  ...constantsOf('shared/src/segments/segment-receiver.ts', [
    ['segmentMs', 'ms', 'From one segment of a frame to its next', 'frames that stop half-way'],
    ['frameMs', 'ms', 'Segments of one frame, all', 'frames that drip'],
  ]),
  ...constantsOf('shared/src/segments/segment-sender.ts', [
    ['frameMs', 'ms', 'One frame is taken by the peer', 'a peer that never grants a credit'],
    ['frames', '', 'Frames that wait to be sent over Bluetooth', 'memory spent on a slow peer'],
    ['octets', 'octets', '... and their octets', 'likewise'],
  ]),
  ...constantsOf('shared/src/segments/segment-stream.ts', [
    ['helloMs', 'ms', 'Hello of a Bluetooth peer', 'a peer that connects and says nothing'],
    ['stale', '', 'Segments of older links that are dropped on one link', 'work without end for nothing'],
  ]),
  ...constantsOf('agent/src/pan/lan/websocket-link.ts', [
    ['MAX_FRAME_OCTETS', 'octets', 'WebSocket message', 'buffers that a device near can fill'],
    ['maxFragments', '', 'Fragments of one WebSocket message', 'endless messages'],
    ['KEPT_UNOPENED', '', 'Frames kept until a link is listened to', 'floods right after connecting'],
  ]),
  ...constantsOf('agent/src/uplink/mqtt-uplink.ts', [
    ['MAX_UPLINK_PAYLOAD_OCTETS', 'octets', 'MQTT payload, either way', 'frames that brokers refuse'],
    ['MAX_UNACKNOWLEDGED', '', 'Publishes that wait for their PUBACK', 'memory spent on a broker that does not answer'],
    ['MAX_EARLY_MESSAGES', '', 'Messages before the birth is acknowledged', 'likewise'],
  ]),
  ...constantsOf('agent/src/uplink/downlink-guard.ts', [
    ['MAX_DOWNLINK_FRAME_OCTETS', 'octets', 'MQTT frame from the broker', 'a false broker that fills memory'],
  ]),
];

const KEYS = [
  ...constantsOf('agent/src/entity/peer-link.ts', [
    [
      'CLEAR_FRAMES_PER_HANDSHAKE',
      '',
      'Frames before a link is proven, for each handshake that it may begin (settings)',
      'handshake floods; a whole pairing fits into one',
    ],
  ]),
  ...constantsOf('shared/src/security/secure-channel.ts', [
    ['epochMs', 'ms', 'Key epoch of a PAN or link session', 'long use of one AEAD key; also 2^20 records or 1 GiB'],
  ]),
  ...constantsOf('shared/src/security/ordered-records.ts', [
    ['LAST_EPOCH', '', 'Highest key epoch of a session', 'wrapping of the epoch octet'],
  ]),
  ...constantsOf('shared/src/security/session-limits.ts', [
    ['sessionMs', 'ms', 'Age at which every session needs a new handshake', 'keys that live for ever'],
    ['graceMs', 'ms', '... and so much later it is over', 'likewise'],
  ]),
  ...constantsOf('shared/src/security/sk-sender.ts', [
    ['recordsPerInst', '', 'Records of one sender in an SK session', 'use of one AEAD key beyond its bounds'],
    ['instsPerSid', '', 'Senders in an SK session', 'replay windows without number'],
  ]),
  ...constantsOf('shared/src/security/replay-window.ts', [
    ['REPLAY_WINDOW', '', 'Numbers behind the highest that are told apart', 'replayed records'],
  ]),
  ...constantsOf('shared/src/security/sender-windows.ts', [
    ['SALTS_PER_SENDER', '', 'Runs of one sender of PN messages at once', 'replay windows without number'],
  ]),
  ...constantsOf('shared/src/security/pn-message.ts', [['MEMBERS_MAX', '', 'Senders under one PN key', 'likewise']]),
  ...constantsOf('shared/src/security/link-session.ts', [
    ['MAX_PAIRED_KEYS', '', 'K_pairs tried for one Link 1', 'work that a stranger can cause'],
  ]),
  ...constantsOf('shared/src/security/pairing-window.ts', [
    ['openMs', 'ms', 'Pairing window', 'a device that stays open by mistake'],
    ['attempts', '', 'Attempts by code in one window', 'guessing: each gives one chance in a million'],
    ['wrongTokens', '', 'Wrong tokens for one pairing link', 'guessing'],
  ]),
];

const DEVICE = [
  ...constantsOf('shared/src/exchange.ts', [
    ['KEPT_ANSWERS', '', 'Answers kept for repeated requests, each link', 'memory that a peer can fill'],
    ['MAX_SERVED_AT_ONCE', '', 'Requests of one link or session that are worked on at once', 'likewise'],
    ['LONGEST_REQUEST_MS', 'ms', 'A request, however often the other side says `Pending`', 'waits without end'],
  ]),
  ...constantsOf('agent/src/entity/consent-desk.ts', [
    [
      'INITIATORS_PER_GATEWAY',
      '',
      'Questions of one PN GW, as a multiple of what one initiator may cause (settings)',
      'a PN GW that invents initiators',
    ],
  ]),
  ...constantsOf('agent/src/pne/run.ts', [['MAX_RUNS', '', 'Handshakes of a PNE with the server under way', 'invitations without end']]),
  ...constantsOf('agent/src/pne/recover.ts', [
    ['MAX_FAILURES_UNKNOWN', '', 'Failed registrations for a PN of which a PNE holds nothing', 'a PN GW that invents PNs'],
  ]),
  ...constantsOf('agent/src/gateway/invitation.ts', [
    [
      'MAX_HELLO_OCTETS',
      'octets',
      'Requests and capabilities in the hellos of one PN',
      'a registration that does not fit into an envelope',
    ],
  ]),
  ...constantsOf('agent/src/gateway/membership.ts', [['MAX_PNES_PER_UPDATE', '', 'PNEs in one PN Update', 'likewise']]),
  ...constantsOf('agent/src/gateway/register.ts', [
    ['MAX_REFUSALS', '', 'Failed registrations in a row, until a member is taken out', 'a member that will never get in again'],
  ]),
  ...constantsOf('agent/src/gateway/reconcile.ts', [['MAX_ENTRIES', '', 'PNs in one Reconcile Response', 'answers without bound']]),
  ...constantsOf('agent/src/entity/messenger.ts', [
    ['MAX_UNDER_WAY', '', 'Messages on their way at once', 'bursts after a long absence'],
    ['MAX_UNDER_WAY_TO_ONE', '', '... to one addressee', 'one who is away and holds up the others'],
    ['REMEMBERED', '', 'Messages whose outcome is remembered', 'memory'],
  ]),
  ...constantsOf('agent/src/entity/inbox.ts', [
    ['KEPT_MESSAGES', '', 'Received messages that are remembered', 'duplicates beyond these would be shown again'],
    ['KEPT_OCTETS', 'octets', '... and their size', 'a disk that members fill'],
  ]),
  ...constantsOf('shared/src/messages/contents.ts', [
    ['MAX_CONTENTS_OCTETS', 'octets', 'Contents that a device offers, together', 'messages and records that others make large'],
    ['CONTENT_PART_OCTETS', 'octets', 'One part of a content that is fetched', 'memory; it has to fit into an envelope'],
  ]),
  ...constantsOf('agent/src/entity/inventory-copy.ts', [
    ['KEPT_CONTENTS', '', 'Contents of one PN that a device keeps', 'a record of the state that members fill'],
    ['KEPT_CONTENTS_OCTETS', 'octets', '... and the members that offer them', 'likewise'],
  ]),
  ...constantsOf('shared/src/store-contents.ts', [
    ['maxValueOctets', 'octets', 'One value of the state', 'records without bound'],
    ['maxTotalOctets', 'octets', 'The whole state', 'a disk that fills'],
  ]),
  ...constantsOf('agent/src/pan/lan/dial.ts', [
    ['MOST_ADDRESSES', '', 'Addresses tried for one device', 'announcements that send a device knocking everywhere'],
  ]),
  ...constantsOf('agent/src/pan/lan/introduction.ts', [
    ['LONGEST_ANSWER', 'octets', 'What a device at an address says of itself', 'answers without bound'],
  ]),
  ...constantsOf('agent/src/pan/lan/websocket-listener.ts', [
    ['HANDSHAKE_LIMIT_MS', 'ms', 'An HTTP request is complete', 'connections that are opened and left'],
  ]),
  ...constantsOf('agent/src/pan/lan/lan-technology.ts', [['SPARE_CONNECTIONS', '', 'Connections beyond those of links', 'likewise']]),
  ...constantsOf('agent/src/entity/pan-preference.ts', [
    ['MAX_BLE_LINKS', '', 'Bluetooth links that a device opens', 'PNEs of one PN GW there: an adapter has few places'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/segment-link.ts', [
    ['proofMs', 'ms', 'A Bluetooth central proves itself', 'who connects and keeps the place of others'],
    ['garbage', '', 'Values that it writes before its hello', 'likewise'],
    ['lingerMs', 'ms', 'One that leaves unproven after this is a bad one, too', 'likewise'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/arbiter.ts', [
    ['STRIKES', '', 'Bad centrals in a row', 'likewise; then nobody is served for a while'],
    ['pauseMs', 'ms', '... and so long is that', 'likewise'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/ble-radio.ts', [
    ['waiting', '', 'Bluetooth connections that are being made, or wait for it', 'one device after the other is connected to'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/neighbours.ts', [
    ['addresses', '', 'Bluetooth addresses that the radio remembers', 'forged advertisements'],
    ['perSecond', 'each second', 'Advertisements that the radio reports', 'likewise'],
    ['burst', '', '... at once', 'likewise'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/noble-central.ts', [
    ['REMEMBERED', '', 'Addresses in the memory of its library', 'likewise; it forgets none by itself'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/flow-count.ts', [
    [
      'FLOW_WINDOW',
      'octets',
      'Frames of one link between agent and radio process, each way',
      'a side that does not keep up with the other',
    ],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/segment-link.ts', [
    ['mostMs', 'ms', 'What was sent over a Bluetooth link leaves before that is closed', 'a peer that takes nothing'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/acl-guard.ts', [
    ['MOST_L2CAP_OCTETS', 'octets', 'Packet in pieces that a Bluetooth library is given', 'a library that keeps what goes on for ever'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio-process.ts', [
    ['MOST_HEAP_MIB', 'MiB', 'Heap of the radio process', 'whoever makes a library grow; the process ends, and another one is started'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio-supervisor.ts', [
    [
      'AWAY_MS',
      'ms',
      'Wait for the next radio process after one that had worked',
      'whoever knows how to end it keeps Bluetooth away no longer',
    ],
  ]),
  ...constantsOf('agent/src/pan/ble/hint-resolver.ts', [
    ['UNKNOWN_PER_SECOND', 'each second', 'Unknown Bluetooth hints that are computed', 'forged advertisements'],
    ['UNKNOWN_BURST', '', '... at once', 'likewise'],
    ['MOST_REMEMBERED', '', '... and remembered', 'likewise'],
  ]),
  ...constantsOf('agent/src/pan/ble/id-reader.ts', [
    [
      'MOST_STRANGERS',
      '',
      'Strangers near with an open pairing window; of more, the nearest',
      'forged advertisements while this device pairs',
    ],
    ['READS_PER_SECOND', 'each second', 'Connections to ask them who they are', 'likewise'],
    ['READ_BURST', '', '... at once', 'likewise'],
    ['MOST_TRIES', '', '... to one of them', 'a stranger that never answers'],
  ]),
  ...constantsOf('agent/src/pan/ble/ble-neighbours.ts', [
    ['MOST_ADDRESSES', '', 'Bluetooth addresses kept of one device', 'repeated advertisements that lead elsewhere'],
  ]),
  ...constantsOf('shared/src/node/mdns/packet-guard.ts', [
    ['MOST_OCTETS', 'octets', 'mDNS packet', 'packets that no honest device sends'],
    ['MOST_RECORDS', '', 'Records in one mDNS packet', 'work in the decoder'],
    ['MOST_WORK', '', 'Names times compression pointers in one mDNS packet', 'pointer chains that cost seconds'],
    ['PACKETS_PER_SECOND', 'each second', 'mDNS packets of one interface', 'floods'],
    ['PACKETS_PER_SECOND_OF_ONE_SOURCE', 'each second', '... and of one source', 'one flooder that silences the others'],
    ['OCTETS_PER_SECOND', 'octets', 'mDNS octets of one interface, each second', 'floods'],
  ]),
  ...constantsOf('shared/src/node/mdns/service-cache.ts', [
    ['MOST_NAMES_OF_ONE_SOURCE', '', 'Devices that one source may announce', 'forged devices that fill the list'],
    ['MOST_TESTIMONIES', '', 'Sources believed about one device', 'likewise'],
    ['MOST_ENDPOINTS', '', 'Addresses kept of one device', 'likewise'],
  ]),
  ...constantsOf('shared/src/node/mdns/records.ts', [
    ['MOST_TXT_ITEMS', '', 'Items of a TXT record that are read', 'likewise'],
    ['TTL', 's', 'Life of the announced records', 'devices that are gone and still listed by others'],
  ]),
  ...constantsOf('agent/src/uplink/dns-srv.ts', [['MOST_RECORDS', '', 'SRV records that are used', 'answers of the DNS without end']]),
  ...constantsOf('agent/src/control/frames.ts', [
    ['MAX_REQUEST_OCTETS', 'octets', 'Line to the control API', 'a local program that fills memory'],
    ['MAX_ANSWER_OCTETS', 'octets', 'Line from the control API', 'answers without bound'],
  ]),
  ...constantsOf('agent/src/control/control-connection.ts', [
    ['MAX_OPEN_REQUESTS', '', 'Requests of one local program under way', 'likewise'],
    ['IDLE_MS', 'ms', 'A local program with nothing to do is sent away', 'connections that are left'],
  ]),
];

const SERVER = [
  ...constantsOf('server/src/broker/frame-guard.ts', [
    ['MAX_CONNECT_OCTETS', 'octets', 'First MQTT frame', 'memory before anybody has said who he is'],
  ]),
  ...constantsOf('server/src/broker/embedded-broker.ts', [
    ['MAX_STATE_OCTETS', 'octets', 'Birth and will', 'retained messages as storage'],
  ]),
  ...constantsOf('server/src/broker/psk-listener.ts', [
    ['REMEMBERED_ADDRESSES', '', 'Addresses whose rate is counted one by one', 'memory for addresses; the rest share one bucket'],
  ]),
  ...constantsOf('server/src/enabler/limits.ts', [['MAX_KEYS', '', 'Devices whose rate is counted one by one', 'likewise']]),
  ...constantsOf('server/src/enabler/open-requests.ts', [
    ['KEPT_REFUSALS', '', 'Refusals that are remembered', 'memory for requests that came to nothing'],
  ]),
  ...constantsOf('server/src/enabler/outbox-delivery.ts', [
    ['WINDOW', '', 'Messages to one device under way', 'bursts at a device that comes back'],
  ]),
  ...constantsOf('server/src/enabler/heartbeat.ts', [
    ['MAX_PNS', '', 'PNs named in one Heartbeat', 'messages without bound'],
    ['MAX_SGS', '', 'Service groups named in one', 'likewise'],
  ]),
  ...constantsOf('shared/src/messages/groups.ts', [
    [
      'MAX_FOUNDERS',
      '',
      'Devices that one request makes a service group of',
      'an answer that does not fit into an envelope; others are invited',
    ],
    ['SG_MEMBERS_PER_PAGE', '', 'Members in one page of an SG Inventory', 'pages that do not fit into a padded record'],
    ['MAX_OBJECTS', '', 'Objects that members share in one service group', 'an answer that does not fit into an envelope'],
    ['MAX_OBJECTS_OF_MEMBER', '', '... and one member', 'others that find no room'],
  ]),
  ...constantsOf('server/src/enabler/groups/discover.ts', [
    ['MAX_GROUPS', '', 'Service groups in one answer', 'an answer that does not fit into an envelope'],
    ['NAMED_MEMBERS', '', '... and members of each', 'likewise'],
    ['ANSWER_ITEMS', '', '... and CBOR items in all', 'likewise'],
    ['OPEN_LOOKED_THROUGH', '', 'Open service groups looked through for one asker', 'a server that searches for ever'],
  ]),
  ...constantsOf('server/src/enabler/groups/object-changes.ts', [
    ['OBJECTS_OCTETS', 'octets', 'Objects of one service group', 'an answer that does not fit into an envelope'],
    ['OBJECTS_ITEMS', '', '... in CBOR items', 'likewise'],
  ]),
  ...constantsOf('server/src/enabler/groups/succession.ts', [
    ['MAX_CANDIDATES', '', 'Members asked whether they want to own a service group', 'questions without end'],
  ]),
  ...constantsOf('server/src/enabler/views.ts', [
    ['PAGE_OCTETS', 'octets', 'Members in one page of a PN Inventory', 'pages that do not fit into a padded record'],
    [
      'FIRST_PAGE_OCTETS',
      'octets',
      '... in the first page, with more than four PNEs in one registration',
      'an answer that does not fit into an envelope',
    ],
  ]),
  ...constantsOf('shared/src/security/envelope-parts.ts', [
    ['RELAYED_CONTENT', 'octets', 'Envelope in one record of a PNE; larger ones go in parts', 'records that no PAN hop carries'],
  ]),
  ...constantsOf('server/src/inventory/records.ts', [
    ['MAX_INSTANCES', '', 'Sending processes of one session', 'replay windows without number'],
  ]),
  ...constantsOf('server/src/inventory/received-data.ts', [
    ['KEPT_PER_SENDER', '', 'Received messages kept of one device', 'a device that fills the database'],
    ['KEPT_MS', 'ms', '... and how long', 'likewise'],
  ]),
  ...constantsOf('server/src/inventory/events.ts', [['KEPT', '', 'Events kept', 'a history that grows for ever']]),
  ...constantsOf('server/src/inventory/open-invitations.ts', [
    ['MAX_INVITATIONS', '', 'Open invitations of one user', 'a list that grows for ever'],
  ]),
  ...constantsOf('server/src/inventory/group-commit.ts', [
    ['MAX_BATCH', '', 'Transactions committed together', 'one slow commit'],
    ['MAX_BATCH_MS', 'ms', '... and their time', 'an event loop that stands still'],
  ]),
  ...constantsOf('server/src/api/admin-server.ts', [
    ['MAX_BODY_OCTETS', 'octets', 'Body of an admin request', 'memory'],
    ['MAX_HEADER_OCTETS', 'octets', 'Its headers', 'memory'],
    ['REQUEST_TIMEOUT_MS', 'ms', 'An admin request is complete', 'connections that are opened and left'],
    ['MAX_SOCKETS', '', 'Connections to the admin API', 'file descriptors'],
  ]),
  ...constantsOf('server/src/api/watch.ts', [['MAX_UNREAD_OCTETS', 'octets', 'What waits for a `watch` that reads slowly', 'memory']]),
  ...constantsOf('server/src/api/requests.ts', [['LONGEST_WAIT_MS', 'ms', '`send` waits for the device', 'requests that never end']]),
];

const HEAD = ['what is bounded', 'what it stops'] as const;

export const wireLimits = () => constantTable(WIRE, HEAD);
export const keyLimits = () => constantTable(KEYS, HEAD);
export const deviceLimits = () => constantTable(DEVICE, HEAD);
export const serverLimits = () => constantTable(SERVER, HEAD);

/** Every setting with its default. */
function settings(table: Parameters<typeof describeSettings>[0]): string {
  const rows = describeSettings(table).map(({ path, doc, group, fallback }) => {
    const name = path.join('.');
    return group ? `| **${name}** | | ${doc} |` : `| ${name} | ${value(path.at(-1) ?? '', fallback)} | ${doc} |`;
  });
  return ['| setting | default | meaning and bounds |', '|---|---|---|', ...rows].map((row) => row.replaceAll('\n', ' ')).join('\n');
}

function value(name: string, fallback: unknown): string {
  if (fallback === undefined) return '';
  if (typeof fallback === 'number')
    return name.endsWith('Ms') ? `${grouped(fallback)} (${duration(fallback)})` : fallback < 10_000 ? String(fallback) : grouped(fallback);
  return Array.isArray(fallback) && fallback.length === 0 ? 'none' : String(fallback);
}

export const agentSettings = () => settings(settingsSchema);
export const serverSettings = () => settings(settingsTable);

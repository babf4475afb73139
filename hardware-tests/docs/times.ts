import { constantsOf, constantTable } from './constant-table.js';

const TIMES = [
  ...constantsOf('shared/src/security/rotating-hint.ts', [
    ['HINT_PERIOD_MS', 'ms', 'A Bluetooth hint has a new prefix', 'so long a stranger can follow one'],
  ]),
  ...constantsOf('agent/src/entity/peer-paths.ts', [
    ['STEADY_MS', 'ms', 'A better link is used', 'when it has stood so long; twice as long for each one lost lately'],
    ['LATELY_MS', 'ms', '... lately', ''],
    ['SPARE_MS', 'ms', 'A worse link is closed', 'when the better one was beyond doubt for so long'],
  ]),
  ...constantsOf('agent/src/entity/ble-turns.ts', [
    ['SETTLED_MS', 'ms', 'A Bluetooth link that runs the wrong way is turned round', 'when it has stood so long'],
    ['BACK_WITHIN_MS', 'ms', '... and is back', 'or counts as lost'],
    ['NOT_AGAIN_FOR_MS', 'ms', 'A link that did not come back is not turned again', ''],
    ['PLACE_TAKEN_MS', 'ms', 'A PNE frees the place of its PN GW', 'from somebody else'],
    ['LEFT_TO_GATEWAY_MS', 'ms', '... and is left to that one', 'by all others'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/arbiter.ts', [
    ['turnMs', 'ms', 'A turn of listening or being heard, on one adapter', 'and at random up to the next longer'],
    ['turnSpreadMs', 'ms', '... longer', ''],
    ['refreshMs', 'ms', 'Listening or advertising is begun anew', 'an adapter that was reset does not say so'],
  ]),
  ...constantsOf('agent/src/pan/ble/radio/ble-radio.ts', [
    ['heardMs', 'ms', 'A device to connect to is heard, and the adapter is free', 'else connecting is given up'],
    ['tries', '', '... and is tried so often', ''],
  ]),
  ...constantsOf('agent/src/pan/ble/radio-process.ts', [
    ['STILL_MS', 'ms', 'A radio process that says nothing is ended', 'and another one is started'],
  ]),
  ...constantsOf('agent/src/pan/ble/own-hints.ts', [
    ['TURN_MS', 'ms', 'A device with several keys advertises the hint of each', 'in turn, that of its K_adv every other time'],
  ]),
  ...constantsOf('agent/src/pan/ble/ble-neighbours.ts', [
    ['MAX_AGE_MS', 'ms', 'A device that is not heard over Bluetooth is lost', 'unless there is a link with it'],
  ]),
  ...constantsOf('agent/src/pne/pne-context.ts', [
    ['HOP_TIMEOUT_MS', 'ms', 'Answer on a PAN hop', 'PNE waits for its PN GW; `Pending` starts it anew'],
  ]),
  ...constantsOf('agent/src/gateway/gateway-context.ts', [
    ['HOP_TIMEOUT_MS', 'ms', 'Answer on a PAN hop', 'PN GW waits for a PNE; likewise'],
  ]),
  ...constantsOf('agent/src/entity/server-channel.ts', [
    ['SERVER_TIMEOUT_MS', 'ms', 'Answer on the uplink', 'likewise; the request is repeated meanwhile'],
  ]),
  ...constantsOf('shared/src/exchange.ts', [
    ['PENDING_EVERY_MS', 'ms', 'Interval of `Pending`', 'while a request on a PAN hop is under way'],
    ['LONGEST_REQUEST_MS', 'ms', 'A request is over', 'however often the other side said `Pending`'],
  ]),
  ...constantsOf('server/src/enabler/uplink-door.ts', [
    ['PENDING_AFTER_MS', 'ms', "`retryAfterMs` in the server's `Pending`", 'when a request comes again that is under way'],
  ]),
  ...constantsOf('server/src/enabler/confirm.ts', [['CONFIRM_LIMIT_MS', 'ms', 'PNE Confirm', 'silence of PN GW #1 is a no then']]),
  ...constantsOf('server/src/enabler/questions.ts', [['REPEAT_MS', 'ms', 'PNE Confirm Request again', 'while PN GW #1 has not answered']]),
  ...constantsOf('server/src/enabler/groups/consent.ts', [
    ['CONSENT_LIMIT_MS', 'ms', 'A device answers a question about a service group', 'silence is a no then'],
  ]),
  ...constantsOf('server/src/enabler/groups/change.ts', [
    ['SWITCH_AFTER_MS', 'ms', 'Members send on under a Group Key that was renewed for its age', 'so that everybody has the new one'],
  ]),
  ...constantsOf('server/src/enabler/groups/succession.ts', [
    ['LOOK_AGAIN_MS', 'ms', 'Members who might own a service group are looked for', 'while its owner is gone and none of them is there'],
    ['LIMIT_MS', 'ms', '... at last', 'then the group is released'],
  ]),
  ...constantsOf('server/src/enabler/groups/upkeep.ts', [['CHECK_MS', 'ms', 'Are Group Keys old?', 'checked so often']]),
  ...constantsOf('agent/src/entity/setup.ts', [
    ['SETUP_LIMIT_MS', 'ms', 'PN Setup, whole, at the initiator and at the PN GW', 'then everything of it is undone'],
  ]),
  ...constantsOf('agent/src/gateway/challenge.ts', [['PROOF_LIMIT_MS', 'ms', 'A PNE proves itself', 'who has not is out']]),
  ...constantsOf('agent/src/gateway/invitation.ts', [
    ['CONSENT_LIMIT_MS', 'ms', 'An invited PNE consents', 'who has not, `Pending` or not, is left out'],
  ]),
  ...constantsOf('agent/src/pne/run.ts', [
    ['RUN_LIMIT_MS', 'ms', 'A run with the server comes to an end', 'an accepted invitation, for instance; then the PNE forgets it'],
  ]),
  ...constantsOf('agent/src/pne/register.ts', [
    ['REGISTRATION_LIMIT_MS', 'ms', 'PNE Registration, whole', 'at the PNE; the PN GW has the same'],
    ['NEWCOMER_LIMIT_MS', 'ms', '... of a newcomer', 'at the PNE: owners may be asked'],
  ]),
  ...constantsOf('agent/src/pne/join.ts', [['JOIN_LIMIT_MS', 'ms', 'Joining a PN, whole', 'at the PNE; the PN GW has the same']]),
  ...constantsOf('agent/src/gateway/invite.ts', [
    ['ADMISSION_LIMIT_MS', 'ms', 'Those who were invited and agreed are let in', 'their owners may be asked'],
  ]),
  ...constantsOf('agent/src/pne/recover.ts', [
    ['REFUSED_PAUSE_MS', 'ms', 'A PNE registers again after a final refusal', 'a revoked one need not ask often'],
  ]),
  ...constantsOf('agent/src/gateway/server-link.ts', [
    ['CONNECT_LIMIT_MS', 'ms', 'Connection setup to Reconcile', 'then it begins anew'],
    ['OLD_SESSION_MS', 'ms', 'A replaced SK session is still received', 'at a PN GW; a PNE has the same'],
    ['RENEWAL_CHECK_MS', 'ms', 'Is the own SK session due?', 'checked so often by a PN GW'],
    ['HINT_EVERY_MS', 'ms', 'Connection setups caused by SessionUnknown', 'at most one in so long'],
    ['REFUSED_PAUSE_MS', 'ms', 'A PN GW asks again after `NotAuthorized`', 'a subscription can change'],
  ]),
  ...constantsOf('agent/src/pne/upkeep.ts', [
    [
      'REREGISTER_EVERY_MS',
      'ms',
      'PNE Registrations caused by SessionUnknown',
      'at most one in so long, and after a random pause up to the same',
    ],
    ['RENEWAL_CHECK_MS', 'ms', 'Are LocalEUKeys and SK sessions due?', 'checked so often by a PNE'],
    ['SILENT_AFTER_MS', 'ms', 'A PNE asks a silent server to compare', 'three heartbeats; a PN GW connects anew after the same'],
    ['UNCONFIRMED_AFTER_MS', 'ms', 'The same in a session in which nothing came yet', 'any record makes good a lost acknowledgement'],
  ]),
  ...constantsOf('agent/src/entity/local-eu-keys.ts', [
    ['RENEW_AFTER_MS', 'ms', 'A LocalEUKey is renewed from this age on', 'by PNE Registration'],
    ['LIVES_MS', 'ms', 'A LocalEUKey lives', ''],
  ]),
  ...constantsOf('server/src/enabler/pn-key.ts', [
    ['LEAVE_GRACE_MS', 'ms', 'The old PN key is still received', 'when a member left or was lost; 0 after an expulsion or revocation'],
  ]),
  ...constantsOf('agent/src/gateway/gateway.ts', [
    ['HINT_EVERY_MS', 'ms', 'A PN GW tells a PNE that it is not in a PN', 'at most one hint in so long'],
  ]),
  ...constantsOf('agent/src/gateway/pn-key.ts', [
    ['SWITCH_AFTER_MS', 'ms', 'A PN GW still sends under the old PN key', 'unless all members that are there have the new one before'],
  ]),
  ...constantsOf('agent/src/pne/pne.ts', [
    ['MAX_GRACE_MS', 'ms', 'A PNE receives under the old PN key', 'at most, whatever the PN GW says'],
  ]),
  ...constantsOf('agent/src/entity/groups/group-keys.ts', [
    ['MAX_GRACE_MS', 'ms', '... under the Group Key before', 'at most, whatever a rekey says; it still sends under it no longer either'],
  ]),
  ...constantsOf('agent/src/entity/groups/groups.ts', [
    ['OVERTAKEN_MS', 'ms', 'A member asks for keys after a rekey with a gap', 'a part that came too late may still close it'],
  ]),
  ...constantsOf('agent/src/entity/groups/group-talk.ts', [
    [
      'SILENT_AFTER_MS',
      'ms',
      'A member without a heartbeat stops sending to its groups',
      'three heartbeats: a rekey may be withheld from it',
    ],
    ['KEY_LATE_MS', 'ms', 'A member asks for the key of a message that it cannot open', 'the rekey may be on its way'],
  ]),
  ...constantsOf('agent/src/entity/gateway-pardon.ts', [
    ['REFUSED_FOR_MS', 'ms', 'Whom the server refused as PN GW does not offer itself', 'then it goes by its enrolment again'],
  ]),
  ...constantsOf('agent/src/entity/assignment.ts', [
    ['TAKEOVER_MS', 'ms', 'A young PN GW yields to a better device', 'while it has no PN'],
    ['PNE_COUNTS_MS', 'ms', 'A PNE of a PN GW that is not linked here is waited for', 'then the choice is made without it'],
  ]),
  ...constantsOf('agent/src/entity/server-probe.ts', [
    ['EVERY_MS', 'ms', 'Is the server within reach?', 'tried so often, at start, and when the network changed'],
    ['RETRY_PAUSE_MS', 'ms', 'The same while it is not', 'and a random time more that grows up to a minute'],
    ['ANSWER_LIMIT_MS', 'ms', 'One such try', ''],
  ]),
  ...constantsOf('agent/src/entity/neighbourhood.ts', [
    ['HIGHER_ID_WAITS_MS', 'ms', 'The higher entity id waits to be dialled', 'then it dials itself'],
    ['DIAL_TIMEOUT_MS', 'ms', 'One dialling', 'all addresses together'],
    ['BLE_DIAL_TIMEOUT_MS', 'ms', '... over Bluetooth', 'a radio connects to one device after the other'],
    ['DIAL_EVERY_MS', 'ms', 'One device is dialled again', 'at the earliest'],
    ['BETTER_FIRST_MS', 'ms', 'A worse technology is dialled', 'where the device is seen in a better way, too'],
  ]),
  ...constantsOf('agent/src/entity/link-session.ts', [['HANDSHAKE_TIMEOUT_MS', 'ms', 'Link 2 follows Link 1', '']]),
  ...constantsOf('agent/src/entity/pairing/pairing-attempt.ts', [
    ['MESSAGE_TIMEOUT_MS', 'ms', 'An answer in a pairing', '`Pending` starts it anew while the other person thinks'],
  ]),
  ...constantsOf('agent/src/entity/messenger.ts', [
    ['ENTITY_TIMEOUT_MS', 'ms', 'Receipt of another entity of the PN', 'then the message is sent again'],
  ]),
  ...constantsOf('agent/src/entity/contents.ts', [
    ['ASK_AGAIN_MS', 'ms', 'Part of a content', 'then it is asked for again'],
    ['SILENCE_MS', 'ms', '... at last', 'then the fetch is given up'],
  ]),
  ...constantsOf('agent/src/uplink/mqtt-session.ts', [
    ['ACKNOWLEDGE_MS', 'ms', 'PUBACK', 'then the connection is made anew'],
    ['OPEN_MS', 'ms', 'CONNECT to acknowledged birth', 'likewise'],
    ['KEEPALIVE_S', 's', 'MQTT keep-alive', 'a silent broker is noticed after one and a half times this'],
  ]),
  ...constantsOf('agent/src/uplink/tls-psk.ts', [['CONNECT_MS', 'ms', 'TCP and TLS to the server', 'then the next address is tried']]),
];

/** The times of docs/protocol.md that are fixed in the code; those that are settings stand in docs/limits.md. */
export function timeTable(): string {
  return constantTable(TIMES, ['what', 'for']);
}

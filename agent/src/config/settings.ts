import { isAbsolute } from 'node:path';
import { isHostPort } from '@cpns/shared';
import { documentedFile, LOG_LEVELS, parseSettings, setting } from '@cpns/shared/node';
import type * as v from 'valibot';

const { count, flag, foundCount, foundList, group, oneOf, optionalGroups, optionalText, requiredText, settingsFile, texts } = setting;

/** Kinds of network that a person may name (shared: `NetworkKind`). */
export const NETWORK_KINDS = ['ethernet', 'wifi', 'cellular', 'other'] as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
const isName = (text: string) => text !== '' && !/[\u0000-\u001f\u007f]/.test(text);
const isInterface = (text: string) => /^[^\s/]{1,64}$/.test(text);
const isAdapter = (text: string) => /^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/.test(text);
const isMediaType = (text: string) => /^[\w.+-]+\/[\w.+-]+$/.test(text);
const isDomain = (text: string) =>
  /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?$/.test(text);

const BLE_ADDRESS = 'the address of an adapter, such as 02:00:00:00:00:01';

/**
 * Every setting of the agent: name, bounds, default and documentation in one table. The type, the check of the file, the documented
 * default file and the list in docs/limits.md all come from here. Limits are those of security 2.1.
 */
export const settingsSchema = settingsFile({
  name: optionalText('What people call this device, at most 64 characters. Default: its entity id.', 64, isName, 'a name on one line'),
  consent: oneOf(
    ['auto', 'ask', 'same-user', 'always', 'never'],
    'auto',
    'Who may take this device into a personal network or a service group without a person saying yes. "ask" waits up to 60 s for: cpns-agent consent accept. ' +
      '"auto" is "ask" where there is a user interface, else "same-user".',
  ),
  confirm: oneOf(
    ['auto', 'ask', 'paired', 'never'],
    'auto',
    'As PN GW: may a device of this user go to another user\'s personal network, and be charged to this user? "ask" waits up to 60 s for: ' +
      'cpns-agent confirm accept. "paired" says yes for devices paired with this one. "auto" is "ask" where there is a user interface, else "never".',
  ),
  admit: oneOf(
    ['auto', 'ask', 'always', 'never'],
    'auto',
    'May a device of another user come into a personal network of this PN GW, or into a service group that this device owns? "ask" waits up to 60 s for: cpns-agent consent accept. ' +
      '"auto" is "ask" where there is a user interface, else "never".',
  ),
  shareMembers: flag(true, 'As PN GW: tell each member who the others are. Otherwise a member sees itself and the PN GW.'),
  expelAfterUpdate: flag(
    false,
    'As PN GW: tell a device that is expelled only when the server has agreed. Its traffic ends at once either way.',
  ),
  requireForwardSecrecy: flag(true, 'Refuse a server or a peer that offers no X25519 key.'),
  allowUnprotectedPan: flag(
    false,
    'Talk to a PN GW, and as PN GW to members, without a LocalEUKey on Bluetooth and IP. Others near can then read and forge.',
  ),
  device: group('What this device says about itself. Real values are found out; set one only where that is wrong.', {
    preference: count(0, 'Wish to be PN GW; outweighs everything but the hard needs.', 0, 3),
    zone: flag(false, 'This device is a zone based PN GW.'),
    power: oneOf(['auto', 'mains', 'battery'], 'auto', 'Where the power comes from.'),
    batteryPercent: foundCount('Charge of the battery.', 0, 100),
    cores: foundCount('Processor cores.', 1, 4096),
    memoryMiB: foundCount('Main memory in MiB.', 1, 4_194_304),
    networks: foundList(NETWORK_KINDS, 'Kinds of network it is attached to.'),
    userInterface: oneOf(['auto', 'yes', 'no'], 'auto', 'A person can be asked at this device.'),
    canRoute: flag(true, 'It may carry the traffic of others, so it may be PN GW.'),
  }),
  contents: optionalGroups(
    'Files that members of the personal networks of this device may fetch while it is their PNE, such as ' +
      '[{ file: /home/ann/menu.txt, conditions: for the family }]. Each also takes name, type (media type) and chargeable. At most 16.',
    {
      file: requiredText('Where it is.', 1000, isAbsolute, 'the path of a file that begins at the root'),
      name: optionalText('What others see. Default: the last part of the path.', 128, isName, 'a name on one line'),
      type: optionalText('Media type. Default: by the ending of the name.', 64, isMediaType, 'a media type, such as text/plain'),
      chargeable: flag(false, 'Others are told that it is to be paid for.'),
      conditions: optionalText('Shown to whoever fetches it.', 256, isName, 'text on one line'),
    },
    16,
  ),
  pan: group('How devices near are found and reached.', {
    lan: group('The local network: mDNS and WebSocket.', {
      enabled: flag(true, 'Use the local network.'),
      interfaces: texts(
        'Interfaces to use, such as [eth0, wlan0]. Default: all but loopback; loopback alone when there is nothing else.',
        16,
        isInterface,
        'the name of a network interface',
      ),
      port: count(0, 'TCP port for links of other devices; 0 takes a free one and announces it.', 0, 65_535),
      peers: texts(
        'Devices to dial by hand where multicast is missing, such as [192.0.2.7:7400].',
        64,
        isHostPort,
        'HOST:PORT or [IPv6]:PORT',
      ),
    }),
    ble: group('Bluetooth Low Energy. Without an adapter the rest works all the same; cpns-agent doctor says what is missing.', {
      enabled: flag(true, 'Use Bluetooth.'),
      adapter: optionalText(
        'Address of the adapter, such as 02:00:00:00:00:01. Default: the first that works.',
        17,
        isAdapter,
        BLE_ADDRESS,
      ),
      secondAdapter: optionalText(
        'Address of a second adapter: then one calls other devices while the other one is called.',
        17,
        isAdapter,
        BLE_ADDRESS,
      ),
    }),
  }),
  server: group("Where the CPNS Server is. Only the server that knows this device's key is believed, wherever the address comes from.", {
    address: optionalText('HOST:PORT. Default: the address that came with the enrolment.', 300, isHostPort, 'HOST:PORT or [IPv6]:PORT'),
    domain: optionalText('Domain to ask for the DNS record _cpns._tcp when there is no address.', 253, isDomain, 'a domain name'),
  }),
  limits: group('What others may make this device do and keep.', {
    links: count(16, 'Links to devices near at once.', 1, 1000),
    handshakesPerSecondPerLink: count(1, 'Handshakes a second on one link in the long run.', 1, 1000),
    handshakeBurstPerLink: count(4, 'Handshakes at once on one link.', 1, 1000),
    requestsPerSecondPerLink: count(20, 'Requests a second of a linked device in the long run; messages are not counted.', 1, 100_000),
    requestBurstPerLink: count(100, 'Requests at once of a linked device.', 1, 100_000),
    handshakesPerSecondPerAddress: count(4, 'Handshakes a second from one address in the long run.', 1, 1000),
    handshakeBurstPerAddress: count(16, 'Handshakes at once from one address.', 1, 1000),
    panHandshakesAtOncePerLink: count(4, 'PAN handshakes of one linked device that are under way at once.', 1, 64),
    pairings: count(64, 'Paired devices.', 1, 64),
    pairingWindowMs: count(120_000, 'A pairing window stays open so long, in milliseconds.', 1000, 120_000),
    pairingAttempts: count(5, 'Attempts in one pairing window.', 1, 5),
    openPrompts: count(1, 'Questions of one kind to a person that are open at once.', 1, 16),
    promptsPer10MinPerInitiator: count(3, 'Questions to a person in ten minutes that one device may cause.', 1, 100),
    consentTimeoutMs: count(60_000, 'An unanswered question is a no after, in milliseconds.', 1000, 60_000),
    pns: count(16, 'Personal networks.', 1, 1000),
    membersPerPn: count(1000, 'Members of one personal network.', 1, 1000),
    mdnsNames: count(256, 'Devices near that are remembered; paired ones always are.', 1, 4096),
    recoverySpreadMs: count(
      30_000,
      'Pause before a registration that a restarted server makes necessary, at most and at random, in milliseconds.',
      0,
      30_000,
    ),
    contentOctets: count(67_108_864, 'Octets of one content that is offered or fetched.', 1, 4_294_967_296),
    outboxMessages: count(1000, 'Messages that wait to be delivered.', 1, 100_000),
    outboxOctets: count(16_777_216, 'Octets that wait to be delivered.', 65_536, 1_073_741_824),
    outboxKeptMs: count(86_400_000, 'A message that was not delivered is given up after, in milliseconds.', 60_000, 604_800_000),
    expiredLocalKeyMs: count(
      604_800_000,
      'While the server is unreachable, a LocalEUKey serves so long beyond its 24 h, in milliseconds.',
      0,
      604_800_000,
    ),
  }),
  log: group('What the agent says about itself.', {
    level: oneOf(LOG_LEVELS, 'info', 'Least severe line that is written.'),
    format: oneOf(['text', 'json'], 'text', 'Lines for people or for machines.'),
  }),
});

/** All settings, with defaults filled in. */
export type Settings = v.InferOutput<typeof settingsSchema>;

/** The defaults, for tests and benchmarks to vary. */
export function defaultSettings(): Settings {
  return parseSettings(settingsSchema, '', 'defaults');
}

/** A configuration file with every setting at its default, explained. Reading it gives the defaults. */
export function documentedDefaults(): string {
  return documentedFile(settingsSchema, 'Configuration of cpns-agent. Everything may be left out; the values shown are the defaults.');
}

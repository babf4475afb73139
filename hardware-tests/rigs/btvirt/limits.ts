/** What is played on BlueZ's emulator, by name. */
const PLAYED: ReadonlySet<string> = new Set([
  'pair-two',
  'elect-by-capability',
  'establish-one-to-one',
  'refuse-to-join',
  'wrong-eukey',
  'replayed-and-altered-messages',
  'ble-only-pair',
  'agent-killed-and-back',
]);

const silence = 'controller cannot fall silent: it keeps a connection or ends it in order';
const range = 'controller cannot go out of range of another one and come back';
const faults = 'controller cannot be disturbed at a certain packet, nor the air be watched';
const more = 'controller cannot show more by it than by those that are played: it sees the same commands';
const ip = 'controller cannot stand for a network of IP';

/** Why the others are not. */
const REASONS: Readonly<Record<string, string>> = {
  'pair-by-link': ip,
  'elect-by-capability/ties': more,
  'elect-by-capability/three-starters': more,
  'elect-by-capability/nobody-eligible': more,
  'establish-all': more,
  'establish-named': more,
  'refuse-to-join/given-up': more,
  'wrong-eukey/at-the-gateway': more,
  'server-away-then-back': more,
  'server-away-then-back/from-the-start': more,
  'server-restarted': more,
  'agent-killed-and-back/half-way': more,
  'gateway-unplugged-and-back': range,
  'replayed-and-altered-messages/pairing': more,
  outsiders: ip,
  'outsiders/dns-sd': ip,
  'ble-adapter-lost-and-back': 'controller cannot be pulled out without its host',
  'ble-drop-at-every-step': faults,
  'ble-radio-frozen': silence,
  'ble-hostile-peer': faults,
  'ble-and-lan-failover': range,
  'ble-role-turns-round': range,
  'ble-seven-pnes': more,
};

/** Why the scenario of that name is not played on BlueZ's emulator; undefined: it is. */
export function btvirtCannot(scenario: string): string | undefined {
  return PLAYED.has(scenario) ? undefined : (REASONS[scenario] ?? 'controller cannot be taken for it: nobody has tried');
}

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

const more = 'controller cannot add to it: it is given the same commands as in those that are played';
const range = 'controller cannot go out of range of another one: all of an emulator hear one another';
const silence = 'controller cannot fall silent: it has no supervision timeout, so that a connection that nobody ends stays for ever';
const faults = 'controller cannot tell what others send, nor be stopped at a certain packet of theirs';
const ip = 'controller cannot carry IP';

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
  'content-shown-and-fetched': more,
  'server-away-then-back': more,
  'server-away-then-back/from-the-start': more,
  'server-restarted': more,
  'agent-killed-and-back/half-way': more,
  'gateway-unplugged-and-back': range,
  'replayed-and-altered-messages/pairing': more,
  outsiders: ip,
  'outsiders/dns-sd': ip,
  'ble-adapter-lost-and-back': silence,
  'ble-drop-at-every-step': faults,
  'ble-radio-frozen': more,
  'ble-radio-frozen/in-connect': more,
  'ble-not-permitted': more,
  'ble-hostile-peer': faults,
  'ble-and-lan-failover': range,
  'ble-role-turns-round': more,
  'ble-seven-pnes': range,
};

/** Flows of the change requests, told step by step: 004-multiple-users; the server's policies on them; and service groups. */
const FLOW = /^00\d-|^policies\/|^group-|-with-groups$/;

/** Why the scenario of that name is not played on BlueZ's emulator; undefined: it is. */
export function btvirtCannot(scenario: string): string | undefined {
  if (PLAYED.has(scenario)) return undefined;
  return REASONS[scenario] ?? (FLOW.test(scenario) ? more : 'controller cannot be taken for it: nobody has tried');
}

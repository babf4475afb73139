import { settingsSchema } from '@cpns/agent';
import { settingsTable } from '@cpns/server';
import { documentedFile, parseSettings, type SettingsTable } from '@cpns/shared/node';
import { must, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';
import { octetsOf, textOf } from './text.js';

/** Longest file that is read at all. */
const LONGEST = 65_536;
const TABLES: Readonly<Record<string, SettingsTable>> = { agent: settingsSchema, server: settingsTable };

export const settings: FuzzTarget = {
  name: 'settings',
  // A file is read once, at start, and is its owner's: the library takes a third of a millisecond for each error in it.
  allowedMs: 2_000,
  title: 'configuration files of the agent and the server',
  tokens: [
    ...[': ', '- ', '&a ', '*a', '<<: *a', '!!binary ', '!!js/function ', '? ', '|', '>', '---\n', '...\n', '%YAML 1.1\n', '#'],
    ...[
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '\n',
      '\t',
      '\r',
      '\u2028',
      '0x',
      '.inf',
      '.nan',
      '~',
      '__proto__: ',
      'constructor: ',
      '[['.repeat(100),
    ],
  ],
  seeds: () =>
    new Map([
      ...Object.entries(TABLES).map(([name, table]) => [name, octetsOf(documentedFile(table, name))] as const),
      ['agent-short', octetsOf('log:\n  level: debug\npan:\n  lan:\n    interfaces: ["lo"]\n    peers:\n      - 192.0.2.7:7474\n')],
      ['server-short', octetsOf('uplink:\n  host: 127.0.0.1\n  port: 8883\nlimits:\n  pnsPerGateway: 4\n')],
      ['empty', octetsOf('')],
    ]),
  open: () => ({
    fuzz(data) {
      const text = textOf(data.subarray(0, LONGEST));
      for (const table of Object.values(TABLES)) {
        const read = unlessRefused(['Config'], () => parseSettings(table, text, 'cpns.yaml'));
        must(read === undefined || Object.getPrototypeOf(read) === Object.prototype, 'settings with a prototype of their own');
      }
    },
  }),
};

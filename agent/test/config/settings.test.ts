import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeSettings, loadSettings, parseSettings } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import { defaultSettings, documentedDefaults, settingsSchema } from '../../src/config/settings.js';
import { scratchDirectory } from '../support/scratch.js';

describe('settings', () => {
  it('have defaults that are safe', () => {
    expect(parseSettings(settingsSchema, '', 'config.yaml')).toEqual(defaultSettings());
    expect(defaultSettings()).toMatchObject({
      consent: 'auto',
      requireForwardSecrecy: true,
      allowUnprotectedPan: false,
      pan: { lan: { enabled: true, interfaces: [], port: 0, peers: [] }, ble: { enabled: true } },
      limits: { links: 16, pairings: 64, outboxMessages: 1000, outboxOctets: 16 * 1024 * 1024 },
    });
  });

  it('are read from YAML', () => {
    const settings = parseSettings(
      settingsSchema,
      'name: Kitchen board\nconsent: never\npan: { lan: { interfaces: [lo], port: 7400, peers: ["[2001:db8::1]:7400"] }, ble: { adapter: 02:00:00:00:00:01 } }\ndevice:\n  preference: 3\n  power: battery\n',
      'config.yaml',
    );
    expect(settings).toMatchObject({
      name: 'Kitchen board',
      consent: 'never',
      pan: { lan: { interfaces: ['lo'], port: 7400, peers: ['[2001:db8::1]:7400'] }, ble: { adapter: '02:00:00:00:00:01' } },
      device: { preference: 3, power: 'battery' },
    });
  });

  it('may be left without a value', () => {
    expect(parseSettings(settingsSchema, 'name:\npan:\n  lan:\n    port:\n', 'f')).toEqual(defaultSettings());
  });

  it('are all documented, and the documented file holds exactly the defaults', () => {
    for (const { path, doc } of describeSettings(settingsSchema)) expect(doc, path.join('.')).toMatch(/^[^ ].*\.$/);
    const text = documentedDefaults();
    expect(parseSettings(settingsSchema, text, 'config.yaml')).toEqual(defaultSettings());
    expect(text).toContain('\n# Refuse a server or a peer that offers no X25519 key. true or false.\nrequireForwardSecrecy: true\n');
    expect(text.split('\n').every((line) => line.length <= 140)).toBe(true);
  });

  it.each([
    ['a value of the wrong kind', 'pan:\n  lan:\n    port: high\n', 'f:3: pan.lan.port is not a number.'],
    ['a value out of bounds', 'device:\n  preference: 4\n', 'f:2: device.preference is more than 3.'],
    ['a fraction', 'limits: { links: 1.5 }\n', 'f:1: limits.links is not a whole number.'],
    ['a word that is no choice', 'consent: maybe\n', 'f:1: consent is not one of auto, ask, same-user, always, never.'],
    ['yes where true is meant', 'allowUnprotectedPan: yes\n', 'f:1: allowUnprotectedPan is neither true nor false.'],
    [
      'a misspelt name',
      'pan:\n  lan:\n    prot: 1\n',
      'f:3: pan.lan.prot is not a setting; here there are: enabled, interfaces, port, peers.',
    ],
    ['a value where a group is due', 'pan: 1\n', 'f:1: pan is not a group of settings: lan, ble.'],
    [
      'a wrong item of a list',
      'pan: { lan: { peers: ["192.0.2.1:1", "nowhere"] } }\n',
      'f:1: pan.lan.peers.1 is not HOST:PORT or [IPv6]:PORT.',
    ],
    [
      'an adapter by its index',
      'pan: { ble: { adapter: hci0 } }\n',
      'f:1: pan.ble.adapter is not the address of an adapter, such as 02:00:00:00:00:01.',
    ],
    ['a list that is none', 'pan: { lan: { interfaces: eth0 } }\n', 'f:1: pan.lan.interfaces is not a list.'],
    ['a name over two lines', 'name: "a\\nb"\n', 'f:1: name is not a name on one line.'],
    ['a server without port', 'server: { address: example.org }\n', 'f:1: server.address is not HOST:PORT or [IPv6]:PORT.'],
    ['a name given twice', 'consent: ask\nconsent: never\n', 'f:2: is not YAML: Map keys must be unique.'],
    [
      'a file by half its path',
      'contents: [{ file: menu.txt }]\n',
      'f:1: contents.0.file is not the path of a file that begins at the root.',
    ],
    [
      'a media type that is none',
      'contents: [{ file: /menu, type: text }]\n',
      'f:1: contents.0.type is not a media type, such as text/plain.',
    ],
    ['a content without a file', 'contents:\n  - name: menu\n', 'f: contents.0.file is missing.'],
    ['broken YAML', 'name: [\n', /^f:2: is not YAML: .*\.$/],
    ['a list', '- 1\n', /^f: it must hold names with values, not a list or a single value/],
    ['text', 'hello\n', /^f: it must hold names with values, not a list or a single value/],
    ['aliases', 'a: &a [1]\nb: *a\n', 'f: aliases (*name) are not supported.'],
  ])('name the place and the mistake: %s', (_what, text, sentence) => {
    const attempt = () => parseSettings(settingsSchema, text, 'f');
    expect(attempt).toThrow(expect.objectContaining({ family: 'Config', code: 'BadConfiguration' }));
    if (typeof sentence === 'string') expect(attempt).toThrow(expect.objectContaining({ message: sentence }));
    else expect(attempt).toThrow(sentence);
  });

  it('refuse names that are properties of every object', () => {
    expect(() => parseSettings(settingsSchema, '__proto__: { consent: always }\n', 'f')).toThrow('f:1: __proto__ is not a setting');
    expect(() => parseSettings(settingsSchema, 'constructor: 1\n', 'f')).toThrow('f:1: constructor is not a setting');
  });
});

describe('the configuration file', () => {
  it('may be missing where nobody named it', async () => {
    const missing = join(await scratchDirectory(), 'config.yaml');
    expect(await loadSettings(settingsSchema, missing, false)).toEqual(defaultSettings());
    await expect(loadSettings(settingsSchema, missing, true)).rejects.toThrow(
      `${missing} does not exist; give another file with --config or leave it out.`,
    );
  });

  it('is bounded before it is read', async () => {
    const file = join(await scratchDirectory(), 'config.yaml');
    await writeFile(file, '#'.repeat(65_537));
    await expect(loadSettings(settingsSchema, file, true)).rejects.toThrow(`${file} has more than 65536 octets`);
  });

  it('must be readable', async () => {
    const directory = join(await scratchDirectory(), 'config.yaml');
    await mkdir(directory);
    await chmod(directory, 0o700);
    await expect(loadSettings(settingsSchema, directory, true)).rejects.toThrow(`${directory} cannot be read; check its permissions.`);
  });
});

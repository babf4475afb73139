import { describeSettings, documentedFile, parseSettings } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import { defaultSettings, settingsTable } from '../../src/config/settings.js';

describe('settings of the server', () => {
  it('are those of security 2.1 by default', () => {
    const { limits, uplink } = defaultSettings();
    expect(uplink).toMatchObject({ handshakesPerSecondPerAddress: 10, maxFrameOctets: 65_536 });
    expect(limits).toMatchObject({
      openChallengesPerGateway: 64,
      establishmentsPerSecondPerGateway: 20,
      openRequestsPerEntity: 64,
      requestsPerSecondPerPne: 1,
      requestBurstPerPne: 10,
      sessionUnknownPerSecondPerGateway: 1,
      outboxMessagesPerEntity: 1000,
      outboxOctetsPerEntity: 1_048_576,
    });
  });

  it('are all documented, and the documented file gives the defaults', () => {
    for (const { path, doc } of describeSettings(settingsTable))
      expect([path.join('.'), doc]).toEqual([path.join('.'), expect.stringMatching(/^[A-Z].*\.$/s)]);
    expect(parseSettings(settingsTable, documentedFile(settingsTable, 'x'), 'defaults')).toEqual(defaultSettings());
  });

  it('take what init chose', () => {
    const file = documentedFile(settingsTable, 'x', { 'server.id': 'home', 'uplink.port': 1, 'uplink.publicAddress': '[2001:db8::1]:1' });
    expect(parseSettings(settingsTable, file, 'chosen')).toMatchObject({
      server: { id: 'home' },
      uplink: { port: 1, publicAddress: '[2001:db8::1]:1', announce: true },
    });
  });

  it.each([
    ['server:\n  id: My Server\n', 'f:2: server.id is not a server id: 1 to 64 characters of a-z, 0-9, "." and "-".'],
    ['uplink:\n  port: 65536\n', 'f:2: uplink.port is more than 65535.'],
    ['uplink:\n  host: example.org\n', 'f:2: uplink.host is not an IP address.'],
    [
      'uplink:\n  publicAddress: example.org\n',
      'f:2: uplink.publicAddress is not HOST:PORT, such as cpns.example.org:8883 or [2001:db8::1]:8883.',
    ],
    ['database:\n  file: ../other.db\n', 'f:2: database.file is not a plain file name.'],
    ['log:\n  level: loud\n', 'f:2: log.level is not one of debug, info, notice, warn, error.'],
    ['sessions:\n  requireForwardSecrecy: 1\n', 'f:2: sessions.requireForwardSecrecy is neither true nor false.'],
  ])('%j: %s', (text, sentence) => {
    expect(() => parseSettings(settingsTable, text, 'f')).toThrow(sentence);
  });
});

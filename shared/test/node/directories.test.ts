import { describe, expect, it } from 'vitest';
import { appDirectories, controlSocketPath, type PlatformFacts } from '../../src/node/index.js';

const places = (facts: Partial<PlatformFacts>) => appDirectories('cpns-agent', { platform: 'linux', env: {}, home: '/home/ann', ...facts });

describe('appDirectories', () => {
  it('follows the XDG base directories on Linux', () => {
    expect(places({})).toEqual({
      state: '/home/ann/.local/state/cpns-agent',
      config: '/home/ann/.config/cpns-agent',
      runtime: '/home/ann/.local/state/cpns-agent/run',
    });
    const env = { XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c', XDG_RUNTIME_DIR: '/run/user/1000' };
    expect(places({ env })).toEqual({ state: '/s/cpns-agent', config: '/c/cpns-agent', runtime: '/run/user/1000/cpns-agent' });
  });

  it('ignores relative XDG directories, as the specification says', () => {
    expect(places({ env: { XDG_STATE_HOME: 'here', XDG_RUNTIME_DIR: '' } })).toEqual(places({}));
  });

  it('takes what systemd made for the service', () => {
    const env = { STATE_DIRECTORY: '/var/lib/cpns:/var/lib/other', CONFIGURATION_DIRECTORY: '/etc/cpns', RUNTIME_DIRECTORY: '/run/cpns' };
    expect(places({ env, home: '' })).toEqual({ state: '/var/lib/cpns', config: '/etc/cpns', runtime: '/run/cpns' });
  });

  it('knows Termux', () => {
    const prefix = '/data/data/com.termux/files';
    expect(places({ platform: 'android', home: `${prefix}/home`, env: { PREFIX: `${prefix}/usr` } })).toEqual({
      state: `${prefix}/home/.local/state/cpns-agent`,
      config: `${prefix}/home/.config/cpns-agent`,
      runtime: `${prefix}/usr/var/run/cpns-agent`,
    });
  });

  it('knows macOS', () => {
    expect(places({ platform: 'darwin', home: '/Users/ann', env: { TMPDIR: '/var/folders/x/T/' } })).toEqual({
      state: '/Users/ann/Library/Application Support/cpns-agent/state',
      config: '/Users/ann/Library/Application Support/cpns-agent',
      runtime: '/var/folders/x/T/cpns-agent',
    });
  });

  it('knows Windows', () => {
    const windows = { state: 'C:\\L\\cpns-agent\\state', config: 'C:\\L\\cpns-agent', runtime: 'C:\\L\\cpns-agent\\run' };
    expect(places({ platform: 'win32', home: 'C:\\Users\\Ann', env: { LOCALAPPDATA: 'C:\\L' } })).toEqual(windows);
    expect(places({ platform: 'win32', home: 'C:\\Users\\Ann' }).config).toBe('C:\\Users\\Ann\\AppData\\Local\\cpns-agent');
  });

  it('says so when there is no home', () => {
    expect(() => places({ home: '' })).toThrow(expect.objectContaining({ family: 'Config', code: 'NoHome' }));
  });
});

describe('controlSocketPath', () => {
  it('is a socket in the directory', () => {
    expect(controlSocketPath('/run/cpns', 'control', 'linux')).toBe('/run/cpns/control.sock');
  });

  it('is a pipe of its own for each directory on Windows, however that is spelt', () => {
    const pipe = controlSocketPath('C:\\L\\cpns-agent\\state', 'cpns-agent', 'win32');
    expect(pipe).toMatch(/^\\\\\.\\pipe\\cpns-agent-[0-9a-f]{16}$/);
    expect(controlSocketPath('c:\\l\\CPNS-agent\\x\\..\\state', 'cpns-agent', 'win32')).toBe(pipe);
    expect(controlSocketPath('C:\\other', 'cpns-agent', 'win32')).not.toBe(pipe);
  });

  it.each([
    ['linux', 107],
    ['darwin', 103],
  ] as const)('refuses on %s what is longer than %d octets, with advice', (platform, most) => {
    const fitting = `/${'d'.repeat(most - '/'.length - '/control.sock'.length)}`;
    expect(controlSocketPath(fitting, 'control', platform)).toHaveLength(most);
    expect(() => controlSocketPath(`${fitting}d`, 'control', platform)).toThrow(
      expect.objectContaining({
        family: 'Config',
        code: 'SocketPathTooLong',
        message: expect.stringContaining(`${most + 1} octets long and at most ${most} are possible; choose a shorter directory`),
      }),
    );
    expect(() => controlSocketPath(`${fitting.slice(0, -1)}ü`, 'control', platform)).toThrow(
      expect.objectContaining({ code: 'SocketPathTooLong' }),
    );
  });
});

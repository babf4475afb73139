import { describe, expect, it } from 'vitest';
import { controlPath } from '../../src/control/control-path.js';

describe('controlPath', () => {
  it('lies in the state directory', () => {
    expect(controlPath('/var/lib/cpns', 'linux')).toBe('/var/lib/cpns/control/agent.sock');
  });

  it('stays within what a socket path may have, and stays its own', () => {
    const deep = controlPath(`/var/lib/${'deep/'.repeat(40)}`, 'linux');
    expect(Buffer.byteLength(deep)).toBeLessThanOrEqual(103);
    expect(deep).not.toBe(controlPath(`/var/lib/${'deep/'.repeat(41)}`, 'linux'));
  });

  it('is a named pipe on Windows', () => {
    expect(controlPath('C:\\state', 'win32')).toMatch(/^\\\\\.\\pipe\\cpns-agent-[0-9a-f]{16}$/);
  });
});

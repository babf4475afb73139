import { statusManagementResponse } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import type { ServerChannel } from '../../src/entity/server-channel.js';
import { ReportedCapabilities } from '../../src/gateway/capabilities.js';

const octets = (value: number) => new Uint8Array([value]);
const lookUp = (reported: ReportedCapabilities) => {
  const { type, body } = reported.lookUp();
  expect(type).toBe(statusManagementResponse);
  return body;
};

/** A channel to a server that confirms, or not. */
function channel(confirms: boolean): ServerChannel {
  const request: ServerChannel['request'] = async (_type, _body, _accepts, _options, answered) => {
    if (!confirms) throw new Error('lost');
    answered?.({} as never);
    return {} as never;
  };
  return { request } as ServerChannel;
}

describe('Status management', () => {
  it('finds unchanged what the server has confirmed, and sends along what has changed since, once', async () => {
    let current = octets(1);
    const reported = new ReportedCapabilities({ capabilities: () => current });
    await reported.report(channel(true));
    expect(lookUp(reported)).toEqual({ changed: false });
    current = octets(2);
    expect(lookUp(reported)).toEqual({ changed: true, capabilities: octets(2) });
    expect(lookUp(reported)).toEqual({ changed: false });
  });

  it('sends along what the server did not confirm', async () => {
    const reported = new ReportedCapabilities({ capabilities: () => octets(3) });
    await expect(reported.report(channel(false))).rejects.toThrow('lost');
    expect(lookUp(reported)).toEqual({ changed: true, capabilities: octets(3) });
  });
});

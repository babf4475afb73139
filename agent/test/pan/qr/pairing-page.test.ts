import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pairingPage } from '../../../src/pan/qr/pairing-page.js';

async function serve(): Promise<string> {
  const server = createServer(pairingPage);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the page behind a pairing link', () => {
  it('says what to do with the link', async () => {
    const response = await fetch(`${await serve()}/p`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('cpns-agent pair');
  });

  it('runs nothing, loads nothing, and tells nobody where it was opened', async () => {
    const response = await fetch(`${await serve()}/p`);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('script-src');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).not.toMatch(/<script|<img|<link|https?:/);
  });

  it.each([
    ['GET', '/', 404],
    ['GET', '/p/', 404],
    ['GET', '/p#x', 200],
    ['GET', '/p?x=1', 200],
    ['HEAD', '/p', 200],
    ['POST', '/p', 405],
  ])('answers %s %s with %i', async (method, path, status) => {
    const response = await fetch(`${await serve()}${path}`, { method });
    expect(response.status).toBe(status);
    if (method !== 'GET' || status !== 200) expect(await response.text()).toBe('');
    else await response.body?.cancel();
  });
});

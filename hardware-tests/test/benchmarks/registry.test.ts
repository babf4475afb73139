import { expect, test } from 'vitest';
import { BENCHMARKS } from '../../benchmarks/registry.js';

test('every benchmark has a name of its own that can be typed', () => {
  const names = BENCHMARKS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z-]*$/);
});

test('the figures of the JSON line are those that were agreed', () => {
  const figures = Object.fromEntries(BENCHMARKS.map((benchmark) => [benchmark.name, Object.keys(benchmark.figures)]));
  expect(figures).toMatchObject({
    establish: ['n', 'p50Ms', 'p95Ms', 'messages', 'bytes'],
    peers: ['matterCommissionP50Ms', 'establishP50Ms', 'ratio', 'fullP50Ms'],
    'secure-channel': ['ratio300B', 'ratio16KiB', 'padded300B', 'mbPerS16KiB', 'wsRatio16KiB'],
    server: ['perSecond', 'cpuPerEstablishmentUs', 'boundUs', 'ratio', 'p50Ms', 'p99Ms', 'flatness100k'],
    membership: ['perSecond10', 'perSecond100', 'perSecond1000', 'growth'],
    groups: ['leave4096Wraps', 'leave4096Ms', 'emptyCommitMs', 'leave4096VsFlat', 'resync4096Wraps', 'messageRatio300B'],
    ble: ['goodputRatioUp', 'goodputRatioDown', 'establishP50Ms', 'attOperations', 'bytesOnAir'],
    footprint: ['agentRssMB', 'serverRssMB', 'perGatewayKB', 'agentInstallMB'],
  });
});

import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { ORDERED_HEADER_LENGTH, TAG_LENGTH } from '@cpns/shared/security';
import type { Benchmark, BenchmarkRun, Outcome } from './benchmark.js';
import { type Interleaved, interleave } from './interleaved.js';
import { type Carry, repeated, throughChannel, throughCipher } from './record-pair.js';
import { rounded } from './statistics.js';
import { openBareWire, openLanWire } from './wires.js';

export interface SecureChannelFigures {
  readonly ratio300B: number;
  readonly ratio16KiB: number;
  readonly padded300B: number;
  readonly mbPerS16KiB: number;
  readonly wsRatio16KiB: number;
}

const SMALL = 300;
const LARGE = 16_384;
const ROUNDS = { full: 31, smoke: 3 } as const;
const SLICE_MS = { full: 60, smoke: 10 } as const;

async function measure({ smoke, signal, say }: BenchmarkRun): Promise<Outcome<SecureChannelFigures>> {
  const clock = new SystemClock();
  const options = { rounds: smoke ? ROUNDS.smoke : ROUNDS.full, sliceMs: smoke ? SLICE_MS.smoke : SLICE_MS.full, signal };
  const inMemory = (content: Uint8Array, carries: readonly Carry[]) =>
    interleave(
      clock,
      carries.map((carry) => repeated(carry, content)),
      options,
    );

  say(`Sealing and opening ${SMALL} octets ...`);
  const small = await inMemory(systemEntropy.bytes(SMALL), [throughCipher(), throughChannel(clock, false), throughChannel(clock, true)]);
  say(`Sealing and opening ${LARGE} octets ...`);
  const large = await inMemory(systemEntropy.bytes(LARGE), [throughCipher(), throughChannel(clock, false)]);

  say('Sending records through the LAN link and the same octets through a bare WebSocket ...');
  const bare = await openBareWire(systemEntropy.bytes(ORDERED_HEADER_LENGTH + LARGE + 1 + TAG_LENGTH));
  let wires: Interleaved;
  try {
    const lan = await openLanWire(clock, systemEntropy.bytes(LARGE), signal);
    try {
      wires = await interleave(
        clock,
        [bare, lan].map((wire) => (count: number) => wire.carry(count)),
        options,
      );
    } finally {
      await lan.close();
    }
  } finally {
    await bare.close();
  }

  return {
    tables: [
      {
        title: 'One record, sealed and opened (medians)',
        heads: ['content', 'what', 'us', 'MB/s', 'to the cipher alone'],
        rows: [...rows(small, SMALL, ['cipher alone', 'channel', 'channel, padded']), ...rows(large, LARGE, ['cipher alone', 'channel'])],
      },
      {
        title: 'One record, sent and received over a WebSocket on loopback, both ends in this process (medians)',
        heads: ['content', 'what', 'us', 'MB/s', 'to the bare WebSocket'],
        rows: rows(wires, LARGE, ['bare ws', 'LAN link with PAN session']),
      },
    ],
    notes: [
      'Cipher alone: seal and open of the native provider, a new cipher per call, 12 octets of associated data, a counted nonce, ciphertext and tag in one buffer.',
      'Channel: the record layer of a PAN session, one direction, whole records, unpadded unless it says so.',
      'Bare ws: as many octets as a whole record, perMessageDeflate off, 32 messages on the way on both.',
      `${options.rounds} interleaved rounds of about ${options.sliceMs} ms each; ratios are medians of the ratios within a round. MB is 10^6 octets of content.`,
    ],
    figures: {
      ratio300B: rounded(small.speed[1] as number, 3),
      ratio16KiB: rounded(large.speed[1] as number, 3),
      padded300B: rounded(small.speed[2] as number, 3),
      mbPerS16KiB: rounded(LARGE / (large.medianUs[1] as number)),
      wsRatio16KiB: rounded(wires.speed[1] as number, 3),
    },
  };
}

function rows({ medianUs, speed }: Interleaved, octets: number, names: readonly string[]): (string | number)[][] {
  return names.map((name, i) => {
    const us = medianUs[i] as number;
    return [`${octets} B`, name, rounded(us, 2), rounded(octets / us), rounded(speed[i] as number, 3)];
  });
}

export const secureChannel: Benchmark<SecureChannelFigures> = {
  name: 'secure-channel',
  title: 'The record layer of a PAN session against the cipher alone, and the LAN link against a bare WebSocket',
  figures: {
    ratio300B: 'speed of the channel with 300 octets of content, divided by that of the cipher alone; bound 0.60',
    ratio16KiB: 'the same with 16 KiB; bound 0.80',
    padded300B: 'as ratio300B with records padded to their bucket of 512',
    mbPerS16KiB: 'MB of content per second, sealed and opened by one thread',
    wsRatio16KiB: 'speed of the LAN link with 16 KiB of content, divided by that of a bare WebSocket with as many octets',
  },
  run: measure,
};

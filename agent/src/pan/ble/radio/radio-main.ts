import { type Clock, CpnsError, describeError, sleep, toCpnsError } from '@cpns/shared';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { type Adapter, chooseAdapters, listAdapters } from './adapters.js';
import { BleRadio } from './ble-radio.js';
import { BlenoPeripheral } from './bleno-peripheral.js';
import { EXIT } from './exit.js';
import { type FromRadio, readToRadio, type ToRadio } from './messages.js';
import { NobleCentral } from './noble-central.js';

/*
 * The radio process: the only one that loads the Bluetooth libraries and needs a privilege. It may be killed at any time. Arguments: the
 * address of the adapter, empty for any, and of a second one if there is to be one for each role.
 */

/** How often it looks whether an adapter has come, in milliseconds. */
const LOOK_EVERY_MS = 2_000;
/** Time for what was said last to leave, in milliseconds. */
const LAST_WORDS_MS = 200;

const clock: Clock = new SystemClock();
let radio: BleRadio | undefined;
let desire: ToRadio | undefined;
let told: string | undefined;

function say(message: FromRadio): void {
  if (process.connected) process.send?.(message);
}

function problem(sentence: string | undefined): void {
  if (sentence === told) return;
  told = sentence;
  say({ type: 'problem', sentence });
}

async function end(code: number, sentence?: string): Promise<void> {
  if (sentence !== undefined) problem(sentence);
  radio?.stop();
  radio = undefined;
  await sleep(clock, LAST_WORDS_MS);
  process.exit(code);
}

function hear(raw: unknown): void {
  const message = readToRadio(raw);
  if (message === undefined) return;
  if (message.type === 'ping') return say({ type: 'pong' });
  if (message.type === 'stop') return void end(EXIT.asked);
  if (message.type === 'want') desire = message;
  radio?.obey(message);
}

/** Waits until the adapters are there and on. */
async function findAdapters(wanted: readonly string[]): Promise<readonly Adapter[]> {
  for (;;) {
    const chosen = chooseAdapters(await listAdapters(clock), wanted);
    if (typeof chosen !== 'string') return chosen;
    problem(chosen);
    await sleep(clock, LOOK_EVERY_MS);
  }
}

async function main([first = '', second]: readonly string[]): Promise<void> {
  const wanted = second === undefined || second === '' ? [first] : [first, second];
  const [forCentral, forPeripheral] = await findAdapters(wanted);
  // Both libraries read these once, when they are loaded.
  process.env.NOBLE_HCI_DEVICE_ID = String(forCentral?.index);
  process.env.BLENO_HCI_DEVICE_ID = String((forPeripheral ?? forCentral)?.index);
  const started = new BleRadio({
    central: new NobleCentral(clock),
    peripheral: new BlenoPeripheral(clock),
    adapters: wanted.length === 1 ? 'one' : 'two',
    clock,
    entropy: systemEntropy,
    say,
    failed: (error) => void end(EXIT.lost, error.message),
  });
  await started.start();
  radio = started;
  if (desire !== undefined) radio.obey(desire);
  problem(undefined);
  say({ type: 'ready' });
}

process.on('message', hear);
process.on('disconnect', () => void end(EXIT.asked));
// The libraries leave promises behind that fail when a connection is gone. It is told, and nothing depends on them.
process.on('unhandledRejection', (reason) => console.error('a promise failed:', reason));
main(process.argv.slice(2)).catch((error: unknown) => {
  const { family, message } = toCpnsError(error);
  const sentence = error instanceof CpnsError ? message : `Bluetooth is not used: ${describeError(error).split('\n')[0]}`;
  void end(family === 'Config' ? EXIT.unfit : EXIT.lost, sentence);
});

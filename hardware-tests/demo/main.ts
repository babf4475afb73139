/** `npm run demo [-- --once] [--pan lan|ble]` */
import { describeError } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { typedCommand } from '../processes/commands.js';
import { Cast, type Medium } from './cast.js';
import { Narrator } from './narrator.js';
import { Story } from './story.js';

const HELP = `A CPNS Server and three devices on this machine, from nothing to messages in a personal network.

Usage: npm run demo [-- --once] [--pan lan|ble]

  --once      end when everything was shown; the last line is one JSON object
  --pan lan   the devices meet on the local network (the default)
  --pan ble   they have Bluetooth LE alone: the drivers of real adapters, over virtual ones
  --help      this

Everything stays on the loopback interface and in one temporary directory, and is gone at the end.`;

/** The last lines of each process that are shown when something failed. */
const SHOWN_LINES = 15;

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Fires with the signal that wants the demo to end. */
function interrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      // The second time it is meant at once; the keeper clears up.
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}
let asked = false;

async function main(once: boolean, medium: Medium): Promise<number> {
  const clock = new SystemClock();
  const stop = interrupted();
  const tell = new Narrator(clock, print);
  const where =
    medium === 'lan' ? 'on the loopback interface of this machine' : 'with virtual Bluetooth adapters and nothing else between them';
  tell.plain(`A CPNS Server and three devices, each a process of its own, ${where}.`, '');
  const cast = await Cast.gather(clock, medium);
  try {
    const told = new Story(cast, tell, clock).run();
    const ended = await Promise.race([told, stop]);
    if (typeof ended === 'string') {
      told.catch(() => {});
      return 130;
    }
    if (once) {
      await cast.leave();
      print(JSON.stringify(ended));
      return 0;
    }
    whatToTry(cast, tell);
    await stop;
    tell.plain('', 'The demo ends.');
    return 0;
  } catch (error) {
    tell.plain('', `The demo failed: ${describeError(error)}`);
    for (const { agent } of cast.devices) lastWords(tell, agent.id, agent.log.last(SHOWN_LINES));
    lastWords(tell, 'server', cast.server.log.last(SHOWN_LINES));
    return 1;
  } finally {
    await cast.leave();
  }
}

function lastWords(tell: Narrator, who: string, lines: readonly string[]): void {
  tell.plain('', `The last lines of ${who}:`, ...lines.map((line) => `  ${line}`));
}

/** Commands to copy, one for each thing worth a look. */
function whatToTry({ phone, laptop, board, server }: Cast, tell: Narrator): void {
  const agent = ({ agent: { stateArguments } }: typeof phone, ...words: string[]) =>
    typedCommand('cpns-agent', ...stateArguments, ...words);
  const operator = (...words: string[]) => typedCommand('cpns-server', '--state', server.stateDirectory, ...words);
  const lines: readonly (readonly [string, string])[] = [
    ['Who is PN GW, and why', agent(phone, 'peers', '--explain')],
    ['The personal network as the PN GW has it', agent(laptop, 'pn', 'show')],
    ['The same as the server has it', operator('pn', 'list')],
    ['What a device is told', agent(board, 'watch')],
    ['From one device to the other, through the PN GW', agent(phone, 'send', board.agent.id, '"dinner is ready"')],
    ['What the server is told', operator('watch')],
    ['From a device to the server', agent(board, 'send', 'server', '"21.5 degrees"')],
    ['From the server to a device', operator('send', phone.agent.id, '"hello"')],
    ['Switch the PN GW off', agent(laptop, 'stop')],
    ['and on again: the personal network comes back by itself', typedCommand('cpns-agent', ...laptop.agent.startArguments, 'run')],
    ['Shut the board out for good', operator('device', 'revoke', board.agent.id)],
  ];
  tell.plain('', 'It all goes on running. Try, in another terminal and in this directory:', '');
  for (const [what, command] of lines) tell.plain(`  ${what}:`, `    ${command}`, '');
  tell.plain('End with Ctrl-C.');
}

/** `medium` is undefined when the words make no sense. */
function readArguments(words: readonly string[]): { once: boolean; medium: Medium | undefined } {
  const others = words.filter((word) => word !== '--once');
  const [option, value, ...rest] = others;
  const medium = (['lan', 'ble'] as const).find((known) => known === value);
  const isPan = option === '--pan' && rest.length === 0;
  return { once: others.length < words.length, medium: others.length === 0 ? 'lan' : isPan ? medium : undefined };
}

// A reader that has gone away, such as "head", ends it; the keeper clears up.
process.stdout.on('error', () => process.exit(1));
const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) {
  print(HELP);
} else {
  const { once, medium } = readArguments(words);
  if (medium === undefined) process.stderr.write(`${HELP}\n`);
  process.exitCode = medium === undefined ? 2 : await main(once, medium);
}
process.stdout.write('', () => process.exit());

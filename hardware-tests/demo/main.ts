/** `npm run demo [-- --once] [--story household|two-users] [--pan lan|ble]` */
import { parseArgs } from 'node:util';
import { describeError } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { typedCommand } from '../processes/commands.js';
import { type Actor, Cast, type Medium, type StoryName } from './cast.js';
import { Narrator } from './narrator.js';
import { Story } from './story.js';
import { TwoUsers } from './two-users.js';

/** By the names that a person types. */
const STORIES = { household: Story, 'two-users': TwoUsers } as const;

const HELP = `A CPNS Server and three devices on this machine, from nothing to messages in a personal network.

Usage: npm run demo [-- --once] [--story household|two-users] [--pan lan|ble]

  --once             end when everything was shown; the last line is one JSON object
  --story household  the devices of one person (the default)
  --story two-users  a device of another person comes in, and its owner is asked first
  --pan lan          the devices meet on the local network (the default)
  --pan ble          they have Bluetooth LE alone: the drivers of real adapters, over virtual ones; with the story household only
  --help             this

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

async function main({ once, story, medium }: Words): Promise<number> {
  const clock = new SystemClock();
  const stop = interrupted();
  const tell = new Narrator(clock, print);
  const where =
    medium === 'lan' ? 'on the loopback interface of this machine' : 'with virtual Bluetooth adapters and nothing else between them';
  tell.plain(`A CPNS Server and three devices, each a process of its own, ${where}.`, '');
  const cast = await Cast.gather(clock, story, medium);
  try {
    const told = new STORIES[story](cast, tell, clock).run();
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
    if (story === 'household') whatToTry(cast, tell);
    else tell.plain('', 'It all goes on running. End with Ctrl-C.');
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
function whatToTry(cast: Cast, tell: Narrator): void {
  const { server } = cast;
  const [phone, laptop, board] = (['phone', 'laptop', 'board'] as const).map((name) => cast.actor(name)) as [Actor, Actor, Actor];
  const agent = ({ agent: { stateArguments } }: Actor, ...words: string[]) => typedCommand('cpns-agent', ...stateArguments, ...words);
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

interface Words {
  readonly once: boolean;
  readonly story: StoryName;
  readonly medium: Medium;
}

/** Undefined when the words make no sense. */
function readArguments(words: readonly string[]): Words | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { once: { type: 'boolean' }, story: { type: 'string' }, pan: { type: 'string' } },
      allowPositionals: false,
    });
    const { once = false, story = 'household', pan: medium = 'lan' } = values;
    if ((story !== 'household' && story !== 'two-users') || (medium !== 'lan' && medium !== 'ble')) return undefined;
    // Over Bluetooth a device has one PN GW at a time, and Bob's phone has two.
    return story === 'two-users' && medium === 'ble' ? undefined : { once, story, medium };
  } catch {
    return undefined;
  }
}

// A reader that has gone away, such as "head", ends it; the keeper clears up.
process.stdout.on('error', () => process.exit(1));
const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) {
  print(HELP);
} else {
  const meant = readArguments(words);
  if (meant === undefined) process.stderr.write(`${HELP}\n`);
  process.exitCode = meant === undefined ? 2 : await main(meant);
}
process.stdout.write('', () => process.exit());

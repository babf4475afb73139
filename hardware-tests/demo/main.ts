/** `npm run demo [-- --once]` */
import { describeError } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { typedCommand } from '../processes/commands.js';
import { Cast } from './cast.js';
import { Narrator } from './narrator.js';
import { Story } from './story.js';

const HELP = `A CPNS Server and three devices on this machine, from nothing to messages in a personal network.

Usage: npm run demo [-- --once]

  --once   end when everything was shown; the last line is one JSON object
  --help   this

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

async function main(once: boolean): Promise<number> {
  const clock = new SystemClock();
  const stop = interrupted();
  const tell = new Narrator(clock, print);
  tell.plain('A CPNS Server and three devices, each a process of its own, on the loopback interface of this machine.', '');
  const cast = await Cast.gather(clock);
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

// A reader that has gone away, such as "head", ends it; the keeper clears up.
process.stdout.on('error', () => process.exit(1));
const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) {
  print(HELP);
} else if (words.some((word) => word !== '--once')) {
  process.stderr.write(`${HELP}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(words.includes('--once'));
}
process.stdout.write('', () => process.exit());

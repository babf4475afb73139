import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AdminClient } from '@cpns/server';
import { entityId, userId } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { expect, it } from 'vitest';
import { AgentProcess } from '../../processes/agent-process.js';
import { Keeper } from '../../processes/keeper.js';
import { KeyLog, type NamedSecret } from '../../processes/key-log.js';
import { type Machine, thisMachine } from '../../processes/machine.js';
import { foundInMemory } from '../../processes/process-memory.js';
import { ServerProcess } from '../../processes/server-process.js';
import { createGroup } from '../../scenarios/acts/groups.js';
import { pairByCode } from '../../scenarios/acts/pair.js';
import { BOARD, LAPTOP, PHONE } from '../../scenarios/profiles.js';

const compiled = (name: string) => fileURLToPath(new URL(`../../dist/processes/${name}`, import.meta.url));
const WATCH = new URL('../../dist/processes/keys-main.js', import.meta.url).href;
const OWNER = userId('ann');
const PATIENCE_MS = 240_000;

/** This computer, and the programs of this tree. `prefix`: words in front of a command; `always`: arguments for Node. */
function programsHere(prefix: readonly string[] = [], always: readonly string[] = []): Machine {
  const command = (product: string, args: readonly string[], more: readonly string[] = []) => {
    const folder = product === 'cpns-agent' ? 'agent' : 'server';
    const program = fileURLToPath(new URL(`../../../${folder}/bin/${product}.js`, import.meta.url));
    return [...prefix, process.execPath, ...more, program, ...args];
  };
  return {
    ...thisMachine(),
    command: (product, args) => command(product, args),
    service: (product, args) => ({ command: command(product, args, always) }),
  };
}

/** Server and devices as processes on loopback. Every key that a device uses is written down. */
async function processes() {
  const clock = new SystemClock();
  const keeper = new Keeper(compiled('keeper-main.js'));
  const directory = await mkdtemp(join(tmpdir(), 'cpns-gateway-memory-'));
  keeper.keep({ kind: 'directory', path: directory });
  const server = new ServerProcess({
    id: 'test',
    directory: join(directory, 'server'),
    config: { uplink: { host: '127.0.0.1', port: 0, announce: false }, admin: { port: 0 } },
    machine: programsHere(),
    clock,
    keeper,
  });
  await server.init();
  await server.start();
  const admin = await AdminClient.open(server.stateDirectory, new AbortController().signal);
  await admin.addUser({ userId: OWNER, services: ['pn-gw'], chargeable: false });
  const start = async (name: string, device: object) => {
    const id = entityId(name);
    const log = await KeyLog.open(join(directory, `keys of ${name}`));
    const agent = new AgentProcess({
      id,
      directory: join(directory, name),
      config: { device, consent: 'same-user', pan: { lan: { interfaces: ['lo'] }, ble: { enabled: false } }, log: { level: 'debug' } },
      machine: programsHere(log.prefix(name), log.nodeArguments(WATCH)),
      clock,
      keeper,
    });
    await agent.enrol((await admin.addDevice({ entityId: id, userId: OWNER })).code);
    await agent.start();
    return Object.assign(agent, {
      keys: async () => new Map((await log.keys()).map(({ what, octets }) => [Buffer.from(octets).toString('hex'), what])),
    });
  };
  const agents = { laptop: await start('laptop', LAPTOP), phone: await start('phone', PHONE), board: await start('board', BOARD) };
  return { ...agents, directory, close: () => keeper.close() };
}

/** Tries until it works, for as long as a busy machine may need. */
async function until<T>(work: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const result = await work().catch((error) => {
      if (performance.now() > endMs) throw error;
      return undefined;
    });
    if (result !== undefined) return result;
    if (performance.now() > endMs) throw new Error('not in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

it.runIf(process.platform === 'linux')(
  'no key of a group is in the memory, the log or the state of the PN GW that carries it and is no member',
  async () => {
    const { laptop, phone, board, directory, close } = await processes();
    try {
      await pairByCode(laptop, phone);
      await pairByCode(laptop, board);
      await until(async () => (await phone.request('status', {})).gateway === laptop.id || undefined);
      await until(async () => (await board.request('status', {})).gateway === laptop.id || undefined);
      await until(() => phone.request('pn.create', { setup: 'all' }, { timeoutMs: PATIENCE_MS }));
      const { sgId } = (await createGroup(phone, { name: 'secret', members: [board.id] })).group;
      await until(async () => ((await board.request('group.show', {})).groups[0]?.keys === 'current' ? true : undefined));
      await phone.request('send', { to: { kind: 'group', group: sgId }, payload: Buffer.from('whispered').toString('base64') });
      await until(async () => board.heard.find((event) => event.type === 'message') && true);
      await board.request('send', { to: { kind: 'group', group: sgId }, payload: Buffer.from('answered').toString('base64') });
      await until(async () => phone.heard.find((event) => event.type === 'message') && true);

      // A LocalEUKey is known to one PNE and the PN GW: what both PNEs have unwrapped are keys of the group.
      const [ofPhone, ofBoard, ofLaptop] = [await phone.keys(), await board.keys(), await laptop.keys()];
      const shared = [...ofPhone].filter(([hex, what]) => what.startsWith('a wrapped key') && ofBoard.has(hex)).map(([hex]) => hex);
      // The key of the root, and the Group Key.
      expect(shared.length).toBeGreaterThanOrEqual(2);
      expect(shared.filter((hex) => ofLaptop.has(hex))).toEqual([]);
      const secrets: NamedSecret[] = shared.map((hex, at) => ({ what: `group key ${at}`, octets: Buffer.from(hex, 'hex') }));
      secrets.push({ what: 'what was said', octets: Buffer.from('whispered') });
      expect(await foundInMemory(laptop.pid as number, secrets)).toEqual([]);
      expect(await foundInMemory(board.pid as number, secrets)).not.toEqual([]);
      expect(laptop.log.last(100_000).filter((line) => shared.some((hex) => line.includes(hex)))).toEqual([]);
      expect(await inFiles(join(directory, 'laptop'), secrets)).toEqual([]);
      expect(await inFiles(join(directory, 'board'), secrets)).not.toEqual([]);
    } finally {
      await close();
    }
  },
  600_000,
);

/** Which of them are in the files below a directory. */
async function inFiles(directory: string, secrets: readonly NamedSecret[]): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const contents = await Promise.all(files.map((file) => readFile(file)));
  return secrets.filter(({ octets }) => contents.some((content) => content.includes(Buffer.from(octets)))).map(({ what }) => what);
}

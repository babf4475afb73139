/** `crowd-main FILE`: the PN GWs of FILE in one process; takes orders as lines of JSON and ends with its standard input. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { describeError, parseHostPort } from '@cpns/shared';
import { readCrowd } from './account.js';
import { ClosedLoop } from './closed-loop.js';
import { CrowdGateway } from './crowd-gateway.js';
import type { Answer, Order, Passed } from './orders.js';
import { crowdPorts } from './ports.js';

const CONNECT_AT_ONCE = 20;

const ports = crowdPorts();
const { signal } = new AbortController();
const { idServer, households } = readCrowd(JSON.parse(await readFile(process.argv[2] as string, 'utf8')));
let gateways: CrowdGateway[] = [];
let loop = new ClosedLoop([], ports.clock);

async function connect(address: string): Promise<void> {
  const server = { idServer, address: parseHostPort(address) };
  gateways = households.map((household) => new CrowdGateway({ household, ports, server }));
  const waiting = [...gateways];
  const connectNext = async () => {
    for (let gateway = waiting.pop(); gateway !== undefined; gateway = waiting.pop()) await gateway.connect(signal);
  };
  await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, connectNext));
  loop = new ClosedLoop(gateways, ports.clock);
}

/** What passes the uplink of one PN GW that establishes one PN. */
async function example(address: string): Promise<Passed[]> {
  const [household] = households;
  const passed: Passed[] = [];
  if (household === undefined) return passed;
  const note = (way: Passed['way'], payload: Uint8Array) => passed.push({ way, octets: payload.length });
  const gateway = new CrowdGateway({ household, ports, server: { idServer, address: parseHostPort(address) }, passed: note });
  await gateway.connect(signal);
  for (const pne of gateway.pnes.slice(0, 1)) {
    await gateway.establish(pne);
    // What follows a new connection is over when the server has answered this.
    await gateway.send(new Uint8Array(1));
    passed.length = 0;
    await gateway.establish(pne);
  }
  gateway.leave();
  return passed;
}

async function obey(order: Order): Promise<Answer> {
  switch (order.do) {
    case 'example':
      return { done: order.do, passed: await example(order.address) };
    case 'connect':
      await connect(order.address);
      return { done: order.do };
    case 'start':
      loop.start();
      return { done: order.do };
    case 'begin':
      loop.begin();
      return { done: order.do };
    case 'report':
      return { done: order.do, report: loop.report(), cpuUs: process.cpuUsage().user + process.cpuUsage().system };
    case 'stop':
      await loop.stop();
      return { done: order.do };
    case 'leave':
      for (const gateway of gateways) gateway.leave();
      return { done: order.do };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await obey(JSON.parse(line) as Order)));
  } catch (error) {
    console.log(JSON.stringify({ done: 'failed', why: describeError(error) } satisfies Answer));
  }
}
process.exit();

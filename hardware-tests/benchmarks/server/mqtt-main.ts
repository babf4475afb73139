/** `mqtt-main EXCHANGE`: bare aedes behind TLS-PSK. Tells its port, then CPU and messages for every line of input. */
import { createInterface } from 'node:readline';
import { type Exchange, openBareBroker } from './bare-broker.js';
import { cpuUs } from './cpu.js';

let received = 0;
const port = await openBareBroker(JSON.parse(process.argv[2] as string) as Exchange, (_turn, answer) => {
  received++;
  answer();
});
console.log(JSON.stringify({ port }));
for await (const _line of createInterface({ input: process.stdin })) console.log(JSON.stringify({ cpuUs: cpuUs(), received }));
process.exit();

import { resolve } from 'node:path';
import { writePrivateFile } from '@cpns/shared/node';
import { utf8 } from '@cpns/shared/security';
import type { ChargingEventView } from '../../api/admin-port.js';
import { timeArgument } from '../arguments.js';
import { action, examples, type Register } from './register.js';

interface ExportOptions {
  readonly since?: string;
  readonly out?: string;
}

/** `charging export` */
export const registerCharging: Register = (program, environment) => {
  program
    .command('charging')
    .summary('export charging events')
    .command('export')
    .summary('write the charging events as JSON lines')
    .description(
      'Writes one JSON document per line for each PNE that was to come into a personal network: who it was, in which network, whose ' +
        'subscription pays, when, and what came of it. The last 1,000,000 are kept. No secrets are in them.',
    )
    .option('--since <time>', 'only from this time on, such as 2026-01-31 or 2026-01-31T12:00:00Z', timeArgument)
    .option('--out <file>', 'write them to this file (mode 0600) instead of showing them')
    .addHelpText(
      'after',
      examples(
        ['cpns-server charging export --since 2026-01-01 --out january.jsonl', ''],
        ['cpns-server charging export | jq .userId', 'for another program'],
      ),
    )
    .action(
      action<ExportOptions, []>(environment, async (context, { since, out }) => {
        const server = await context.server();
        const lines: string[] = [];
        let after: number | undefined;
        do {
          const page = await server.charging({ ...(since !== undefined && { since }), ...(after !== undefined && { after }) });
          for (const event of page.events) {
            if (out === undefined) context.report.item(event, JSON.stringify(event));
            else lines.push(JSON.stringify(event satisfies ChargingEventView));
          }
          after = page.next;
        } while (after !== undefined);
        if (out === undefined) return;
        const file = resolve(out);
        await writePrivateFile(file, utf8(lines.map((line) => `${line}\n`).join('')));
        context.report.result({ file, events: lines.length }, [`${lines.length} charging events are in ${file}.`]);
      }),
    );
};

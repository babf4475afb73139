import { stat } from 'node:fs/promises';
import { CpnsError, type ServerId, serverId } from '@cpns/shared';
import { documentedFile, ensurePrivateDirectory, parseSettings, writePrivateFile } from '@cpns/shared/node';
import { toHex, utf8 } from '@cpns/shared/security';
import { ensureAdminToken } from '../../api/admin-access.js';
import { settingsTable } from '../../config/settings.js';
import { createMasterKey } from '../../keys/master-key.js';
import { addressArgument, numberArgument, serverIdArgument } from '../arguments.js';
import { PROGRAM } from '../command-context.js';
import { action, examples, type Register } from './register.js';

interface InitOptions {
  readonly id?: ServerId;
  readonly address?: string;
  readonly host?: string;
  readonly port?: number;
  readonly adminPort?: number;
}

/** `init` */
export const registerInit: Register = (program, environment) => {
  program
    .command('init')
    .summary('make a new server')
    .description(
      'Makes the state directory of a new server: master key, admin token, and a configuration file that explains every setting. ' +
        'Back up the state directory: without the master key no device can ever authenticate again.',
    )
    .option('--id <id>', 'ID_S, the name that devices authenticate; it can never be changed (default: drawn)', serverIdArgument)
    .option('--address <host:port>', 'where devices will find the server (default: first address of this machine)', addressArgument)
    .option('--host <address>', 'IP address to listen on for devices (default: all)')
    .option('--port <n>', 'TCP port to listen on for devices; 0 takes a free one', numberArgument(0, 65_535))
    .option('--admin-port <n>', 'TCP port of the admin API; 0 takes a free one', numberArgument(0, 65_535))
    .addHelpText(
      'after',
      examples(
        ['cpns-server init', 'a server of this user'],
        ['cpns-server init --id home --address cpns.example.org:8883', 'a server with a name'],
        ['cpns-server init --state ./trial --port 0 --admin-port 0', 'a server to try things with'],
      ),
    )
    .action(
      action<InitOptions, []>(environment, async (context, { id, address, host, port, adminPort }) => {
        const { stateDirectory, configFile } = context;
        await ensurePrivateDirectory(stateDirectory);
        if (await exists(configFile)) {
          throw new CpnsError(
            'State',
            'AlreadyInitialised',
            `There is a server already: ${configFile} was left as it is. Run it with "cpns-server run".`,
          );
        }
        const ownId = id ?? serverId(`cpns-${toHex(environment.entropy.bytes(4))}`);
        const chosen: Record<string, string | number> = { 'server.id': ownId };
        if (address !== undefined) chosen['uplink.publicAddress'] = address;
        if (host !== undefined) chosen['uplink.host'] = host;
        if (port !== undefined) chosen['uplink.port'] = port;
        if (adminPort !== undefined) chosen['admin.port'] = adminPort;
        const file = documentedFile(
          settingsTable,
          `Configuration of ${PROGRAM}. Everything but server.id may be left out; the rest are defaults.`,
          chosen,
        );
        parseSettings(settingsTable, file, configFile);
        await ensureAdminToken(stateDirectory, environment.entropy);
        // A key that an interrupted init left is as good as a new one.
        await createMasterKey(stateDirectory, environment.entropy).catch((error: CpnsError) => {
          if (error.code !== 'MasterKeyExists') throw error;
        });
        // Last: once this file is there, the server is made.
        await writePrivateFile(configFile, utf8(file));
        context.report.result({ serverId: ownId, stateDirectory, configFile }, [
          `The server "${ownId}" is made.`,
          `  state          ${stateDirectory}`,
          `  configuration  ${configFile}`,
          'Next:',
          '  $ cpns-server run',
          '  $ cpns-server user add ann                     in another terminal',
          '  $ cpns-server device add phone-1 --user ann',
        ]);
      }),
    );
};

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

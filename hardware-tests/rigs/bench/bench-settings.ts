import { CpnsError, isHostPort } from '@cpns/shared';
import { loadSettings, setting } from '@cpns/shared/node';

const { flag, foundList, group, groups, optionalText, requiredText, settingsFile, text, texts } = setting;

/** How devices of the bench can reach each other. */
export const TECHNOLOGIES = ['lan', 'ble'] as const;
export type Technology = (typeof TECHNOLOGIES)[number];

const isName = (name: string) => /^[a-z][a-z0-9-]{0,31}$/.test(name);
const NAME = 'a name of a-z, 0-9 and "-" that begins with a letter';
// What begins with "-" would be an option.
const isTarget = (target: string) => /^[^\s-]\S*$/.test(target);
const isPath = (path: string) => /^\/[^\0\n]*[^/\0\n]$/.test(path);
const PATH = 'a whole path, such as /home/pi/cpns-bench';
const isAddress = (address: string) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(address);

/** What stands in `bench.config.yaml`. */
const table = settingsFile({
  technologies: foundList(TECHNOLOGIES, 'How the devices reach each other. Every scenario is played once with each.'),
  bothWays: flag(false, 'Play every pair twice, with the parts of the two devices exchanged.'),
  sshConfig: optionalText('Configuration file for ssh instead of your own (ssh -F).', 300, isPath, PATH),
  server: group('The CPNS Server.', {
    host: optionalText('Name of the host on which it runs. Default: this computer.', 32, isName, NAME),
    address: requiredText('Where the devices reach it.', 300, isHostPort, 'HOST:PORT, such as 192.168.1.5:8883'),
  }),
  hosts: groups(
    'The devices.',
    {
      name: requiredText('What the report calls it.', 32, isName, NAME),
      ssh: requiredText('What "ssh" takes: HOST, USER@HOST, or a name from your ssh configuration.', 300, isTarget, 'a target for ssh'),
      directory: requiredText('Directory there for all that the rig leaves; it is made.', 200, isPath, PATH),
      extra: flag(false, 'It is never one of a pair, and plays the third and further devices of a scenario.'),
      install: optionalText(
        'Directory there with node_modules/@cpns/agent, such as a clone that was built. Default: this clone is packed, sent and installed.',
        300,
        isPath,
        PATH,
      ),
      node: text('node', 'The Node.js there.', 300, (path) => path !== '' && !path.startsWith('-'), 'a command or a path'),
      interfaces: texts('Network interfaces to use.', 16, (name) => /^[^\s/]{1,64}$/.test(name), 'the name of a network interface'),
      adapter: optionalText('Address of the Bluetooth adapter to use.', 17, isAddress, 'an address such as b8:27:eb:12:34:56'),
    },
    2,
    16,
  ),
});

export type BenchSettings = Awaited<ReturnType<typeof loadBenchSettings>>;
export type HostSettings = BenchSettings['hosts'][number];

/** @throws CpnsError Config/BadConfiguration with file, line and what is wrong there */
export async function loadBenchSettings(file: string) {
  const settings = await loadSettings(table, file, true);
  const wrong = (sentence: string) => new CpnsError('Config', 'BadConfiguration', `${file}: ${sentence}`);
  const names = settings.hosts.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw wrong(`two hosts are called ${twice}; give each a name of its own.`);
  const { host } = settings.server;
  if (host !== undefined && !names.includes(host)) throw wrong(`server.host is ${host}, and there is no host of that name.`);
  const shared = settings.hosts.find((one, index) =>
    settings.hosts.some((other, before) => before < index && other.ssh === one.ssh && other.directory === one.directory),
  );
  if (shared !== undefined) throw wrong(`${shared.name} has the same ssh and directory as another host; give it a directory of its own.`);
  if (settings.hosts.filter(({ extra }) => !extra).length < 2) throw wrong('two hosts at least must not be extra.');
  return { ...settings, technologies: settings.technologies ?? TECHNOLOGIES };
}

import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemClock } from '@cpns/shared/node';
import type { Keeper } from '../../../processes/keeper.js';
import { Program } from '../../../processes/program.js';
import { type Host, LanNetwork } from '../../../rigs/lan/lan-network.js';

export const SSHD = '/usr/sbin/sshd';
const READY_MS = 10_000;

/** A desk and two computers on one switch, each a network namespace; the two have an sshd that lets nobody in but the desk. */
export interface NamespaceHosts {
  readonly desk: Host;
  readonly left: Host;
  readonly right: Host;
  /** Configuration for the ssh of the desk: it knows `left` and `right`, and `nowhere`, which does not answer. */
  readonly sshConfig: string;
}

export async function namespaceHosts(directory: string, keeper: Keeper): Promise<NamespaceHosts> {
  const network = new LanNetwork(keeper, 0);
  const segment = network.segment();
  const [desk, left, right] = ['desk', 'left', 'right'].map((name) => network.host(name, segment)) as [Host, Host, Host];
  const key = (name: string) => {
    const file = join(directory, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
    return file;
  };
  const [hostKey, userKey] = [key('host-key'), key('user-key')];
  // sshd wants an empty directory of its own there.
  await mkdir('/run/sshd', { recursive: true });
  await Promise.all([left, right].map((host) => startSshd(host, directory, hostKey, userKey, keeper)));
  const sshConfig = join(directory, 'ssh-config');
  const publicKey = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
  const known = [left, right].map(({ address }) => `${address} ${publicKey}`);
  await writeFile(join(directory, 'known-hosts'), `${known.join('\n')}\n`);
  const host = (name: string, address: string) => `Host ${name}\n  HostName ${address}\n`;
  await writeFile(
    sshConfig,
    [
      host('left', left.address),
      host('right', right.address),
      // No host has that address.
      `${host('nowhere', `${segment.subnet}.250`)}  ConnectTimeout 1\n`,
      `Host *\n  User root\n  IdentityFile ${userKey}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${join(directory, 'known-hosts')}\n`,
    ].join(''),
  );
  return { desk, left, right, sshConfig };
}

async function startSshd(host: Host, directory: string, hostKey: string, userKey: string, keeper: Keeper): Promise<void> {
  const file = join(directory, `sshd-${host.address}`);
  const lines = [
    `ListenAddress ${host.address}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${userKey}.pub`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'PidFile none',
    // The directory of the test is in one that everybody may write to.
    'StrictModes no',
    'Subsystem sftp internal-sftp',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  // It says on standard error that it listens.
  const command = [...host.prefix, 'sh', '-c', `exec ${SSHD} -D -e -f "$1" 2>&1`, 'sh', file];
  const sshd = new Program({ name: `sshd of ${host.address}`, command, clock: new SystemClock(), keeper });
  await sshd.line((line) => (line.startsWith('Server listening') ? true : undefined), READY_MS);
}

import { resolve } from 'node:path';
import type { EntityId, UserId } from '@cpns/shared';
import { writePrivateFile } from '@cpns/shared/node';
import { utf8 } from '@cpns/shared/security';
import { entityIdArgument, userIdArgument } from '../arguments.js';
import { devicesText, deviceText } from '../text/devices-text.js';
import { enrolmentText } from '../text/enrolment-text.js';
import { action, examples, type Register } from './register.js';

interface AddOptions {
  readonly user: UserId;
  readonly out?: string;
  readonly qr: boolean;
}

/** `device add|list|show|move|revoke` */
export const registerDevice: Register = (program, environment) => {
  const device = program
    .command('device')
    .summary('add, list, show, move and revoke devices')
    .description('Devices are enrolled one by one: each has a key of its own, which its enrolment code carries.');
  device
    .command('add')
    .summary('add a device and show its enrolment code')
    .description(
      'Adds a device, draws its EUKey and shows the enrolment code, as text and as a QR code. The code is a secret and is shown this once: ' +
        'the server keeps the key sealed and cannot show it again. A lost code means: revoke the device and add it again.',
    )
    .argument('<device>', 'entity id: 3 to 32 characters of a-z, 0-9 and "-"', entityIdArgument)
    .requiredOption('--user <user>', 'the user it belongs to', userIdArgument)
    .option('--out <file>', 'write the code to this file (mode 0600) instead of showing it')
    .option('--no-qr', 'show the code as text only')
    .addHelpText(
      'after',
      examples(
        ['cpns-server device add phone-1 --user ann', 'then on the phone: cpns-agent enrol CODE'],
        ['cpns-server device add board-2 --user ann --out board-2.code', 'then on the board: cpns-agent enrol - < board-2.code'],
      ),
    )
    .action(
      action<AddOptions, [EntityId]>(environment, async (context, { user, out, qr }, entityId) => {
        const enrolment = await (await context.server()).addDevice({ entityId, userId: user });
        if (out === undefined) {
          context.report.result(enrolment, enrolmentText(enrolment, qr));
          return;
        }
        const file = resolve(out);
        const { code, ...rest } = enrolment;
        await writePrivateFile(file, utf8(`${code}\n`));
        context.report.result({ ...rest, file }, [
          `Device "${entityId}" of "${user}" is added. Its enrolment code is in ${file}; delete the file once the device is enrolled.`,
        ]);
      }),
    );
  device
    .command('list')
    .summary('list devices')
    .option('--user <user>', 'only devices of this user', userIdArgument)
    .addHelpText('after', examples(['cpns-server device list --user ann', '']))
    .action(
      action<{ user?: UserId }, []>(environment, async (context, { user }) => {
        const devices = await (await context.server()).listDevices(user);
        context.report.result({ devices }, devicesText(devices));
      }),
    );
  device
    .command('show')
    .summary('show one device')
    .argument('<device>', 'entity id', entityIdArgument)
    .addHelpText('after', examples(['cpns-server device show phone-1', '']))
    .action(
      action<object, [EntityId]>(environment, async (context, _options, entityId) => {
        const shown = await (await context.server()).showDevice(entityId);
        context.report.result(shown, deviceText(shown));
      }),
    );
  device
    .command('move')
    .summary('give a device to another user')
    .description(
      'Gives a device to another user. It must be in no personal network. It keeps its key: where its user before may know the enrolment ' +
        'code, revoke it instead, and add another one.',
    )
    .argument('<device>', 'entity id', entityIdArgument)
    .requiredOption('--user <user>', 'the user it belongs to from now on', userIdArgument)
    .addHelpText('after', examples(['cpns-server device move tablet-1 --user bob', '']))
    .action(
      action<{ user: UserId }, [EntityId]>(environment, async (context, { user }, entityId) => {
        const moved = await (await context.server()).moveDevice(entityId, user);
        context.report.result(moved, [`Device "${entityId}" belongs to "${user}" now.`]);
      }),
    );
  device
    .command('revoke')
    .summary('shut a device out, at once and for good')
    .description(
      'Revokes the key of a device: it is disconnected, removed from every PN, and the remaining members get new keys. ' +
        'If it was PN GW, its PNs are suspended. The device comes back only with a new enrolment code.',
    )
    .argument('<device>', 'entity id', entityIdArgument)
    .addHelpText('after', examples(['cpns-server device revoke phone-1', 'the phone was stolen']))
    .action(
      action<object, [EntityId]>(environment, async (context, _options, entityId) => {
        const revoked = await (await context.server()).revokeDevice(entityId);
        context.report.result(revoked, [`Device "${entityId}" is revoked.`]);
      }),
    );
};

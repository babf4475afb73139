import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { scratchDirectory } from '../support/scratch.js';

const BUS = 'org.freedesktop.DBus';
const METHOD_CALL = 1;
/** Header fields of a message (D-Bus Specification, "Header Fields"). */
const FIELD = { path: 1, interface: 2, member: 3, destination: 6, signature: 8 } as const;

/** A message bus of its own, with a real dbus-daemon, for this test. Undefined where dbus-daemon is not installed. */
export async function privateBus(): Promise<{ readonly path: string; readonly address: string } | undefined> {
  const directory = await scratchDirectory();
  const path = join(directory, 'bus');
  const policy =
    '<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>';
  const file = join(directory, 'bus.conf');
  await writeFile(file, `<busconfig><type>system</type><listen>unix:path=${path}</listen>${policy}</busconfig>`);
  const daemon = spawn('dbus-daemon', [`--config-file=${file}`, '--nofork', '--print-address=1'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const started = await Promise.race([
    once(createInterface({ input: daemon.stdout }), 'line').then(() => true),
    once(daemon, 'error').then(() => false),
  ]);
  if (!started) return undefined;
  onTestFinished(async () => {
    const ended = once(daemon, 'exit');
    daemon.kill();
    await ended;
  });
  return { path, address: `unix:path=${path}` };
}

/** Takes a name on a bus as a service does, and has it until the connection is closed. */
export async function ownName(path: string, name: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
  socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
  await once(socket, 'data');
  socket.write('BEGIN\r\n');
  socket.write(call(1, 'Hello', '', Buffer.alloc(0)));
  socket.write(call(2, 'RequestName', 'su', Buffer.concat([text(name), padding(text(name).length, 4), u32(0)])));
  for (let seen = Buffer.alloc(0); !seen.includes('NameAcquired') || !seen.includes(name); ) {
    const [more] = (await once(socket, 'data')) as [Buffer];
    seen = Buffer.concat([seen, more]);
  }
  return socket;
}

/** A method call to the bus itself (D-Bus Specification, "Message Format"), little-endian. */
function call(serial: number, member: string, signature: string, body: Buffer): Buffer {
  const strings = [
    [FIELD.path, 'o', '/org/freedesktop/DBus'],
    [FIELD.destination, 's', BUS],
    [FIELD.interface, 's', BUS],
    [FIELD.member, 's', member],
  ] as const;
  let fields = Buffer.alloc(0);
  const add = (field: Buffer) => {
    fields = Buffer.concat([fields, padding(fields.length, 8), field]);
  };
  for (const [code, type, value] of strings) add(Buffer.concat([Buffer.from([code]), short(type), text(value)]));
  if (signature !== '') add(Buffer.concat([Buffer.from([FIELD.signature]), short('g'), short(signature)]));
  const head = Buffer.concat([
    Buffer.from(['l'.charCodeAt(0), METHOD_CALL, 0, 1]),
    u32(body.length),
    u32(serial),
    u32(fields.length),
    fields,
  ]);
  return Buffer.concat([head, padding(head.length, 8), body]);
}

function u32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(value);
  return octets;
}

const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(`${value}\0`)]);
const short = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(`${value}\0`)]);
const padding = (length: number, to: number): Buffer => Buffer.alloc((to - (length % to)) % to);

import { type Clock, CpnsError, parseHostPort } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import { LogTail } from '../../processes/log-tail.js';
import { Program } from '../../processes/program.js';
import type { MqttAttempt } from '../rig.js';
import type { Host } from './lan-network.js';

/** A command that has neither done nor failed by then has failed. */
const END_MS = 10_000;

/** The command line clients of mosquitto on some host, for one broker. */
export class Mosquitto {
  readonly log = new LogTail();
  readonly #host: Host;
  readonly #broker: string;
  readonly #clock: Clock;
  readonly #keeper: Keeper;

  constructor(host: Host, broker: string, clock: Clock, keeper: Keeper) {
    this.#host = host;
    this.#broker = broker;
    this.#clock = clock;
    this.#keeper = keeper;
  }

  async publish(attempt: MqttAttempt, payload: string): Promise<{ accepted: boolean; says: string }> {
    const { ok, says } = await this.#run('mosquitto_pub', attempt, ['--message', payload]);
    return { accepted: ok, says };
  }

  async subscribe(attempt: MqttAttempt): Promise<{ granted: boolean; says: string }> {
    // -E: end once the broker has answered the subscription.
    const { ok, says } = await this.#run('mosquitto_sub', attempt, ['-E']);
    return { granted: ok && !/denied/i.test(says), says };
  }

  async #run(
    tool: string,
    { identity, psk, clientId, topic }: MqttAttempt,
    more: readonly string[],
  ): Promise<{ ok: boolean; says: string }> {
    const { host, port } = parseHostPort(this.#broker);
    const where = ['--host', host, '--port', String(port), '--protocol-version', 'mqttv311', '--qos', '1', '--debug'];
    const tls = ['--tls-version', 'tlsv1.2', '--ciphers', 'ECDHE-PSK-CHACHA20-POLY1305', '--psk-identity', identity, '--psk', psk];
    const command = [...this.#host.prefix, tool, ...where, ...tls, '--id', clientId, '--topic', topic, ...more];
    const log = new LogTail();
    const program = new Program({ name: tool, command, clock: this.#clock, keeper: this.#keeper, log });
    const cancel = this.#clock.after(END_MS, () => void program.kill());
    const { code } = await program.ended;
    cancel();
    const says = log.last().join('\n');
    this.log.add(`${tool} as ${identity}/${clientId} on ${topic}: exit code ${code}`);
    for (const line of log.last()) this.log.add(`  ${line}`);
    if (code === null && /ENOENT/.test(says)) throw new CpnsError('State', 'ToolMissing', `${tool} is not installed.`);
    return { ok: code === 0, says };
  }
}

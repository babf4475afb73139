import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { BrokerStats } from '../broker/broker.js';
import type { Admin } from './admin-port.js';

export interface Metrics {
  readonly contentType: string;
  /** All metrics in the text format of Prometheus. */
  render(): Promise<string>;
  /** `route` is the pattern, not the path, so that its values are few. */
  countRequest(route: string, status: number): void;
}

const GAUGES: readonly (readonly [name: string, help: string, of: (stats: BrokerStats) => number])[] = [
  ['cpns_broker_connections', 'Open sockets of devices.', (stats) => stats.connections],
  ['cpns_broker_pending_connections', 'Of these, without an accepted MQTT CONNECT.', (stats) => stats.pending],
  ['cpns_broker_reachable_devices', 'Devices that have their down topic subscribed.', (stats) => stats.reachable],
];

const COUNTERS: readonly (readonly [name: string, help: string, of: (stats: BrokerStats) => number])[] = [
  ['cpns_broker_uplink_messages_total', 'Messages of devices that were taken in.', (stats) => stats.uplinkMessages],
  ['cpns_broker_downlink_messages_total', 'Messages handed to sockets of devices.', (stats) => stats.downlinkMessages],
  ['cpns_broker_parsed_octets_total', 'Octets of MQTT let through to the parser.', (stats) => stats.parsedOctets],
];

let ofProcess: Registry | undefined;

/** Metrics of the process. prom-client watches it from the first call on and cannot stop: all servers of the process share them. */
function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** What `/metrics` shows: process, broker, admin API, and every gauge of the enabler as `cpns_<name>`. */
export function createMetrics(brokerStats: () => BrokerStats, admin: Pick<Admin, 'gauges'>): Metrics {
  processMetrics();
  const registry = new Registry();
  const registers = [registry];
  for (const [name, help, of] of GAUGES) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(of(brokerStats()));
      },
    });
  }
  for (const [name, help, of] of COUNTERS) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(of(brokerStats()));
      },
    });
  }
  new Counter({
    name: 'cpns_broker_refused_total',
    help: 'What the broker turned away, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(brokerStats().refused)) this.inc({ reason }, count);
    },
  });
  const requests = new Counter({
    name: 'cpns_admin_requests_total',
    help: 'Requests of the admin API, by path and status.',
    labelNames: ['route', 'status'],
    registers,
  });
  const enabler = new Map<string, Gauge>();
  return {
    contentType: registry.contentType,
    async render() {
      for (const [name, value] of Object.entries(admin.gauges())) {
        const gauge = enabler.get(name) ?? new Gauge({ name: `cpns_${name}`, help: `Enabler: ${name.replaceAll('_', ' ')}.`, registers });
        enabler.set(name, gauge);
        gauge.set(value);
      }
      return Registry.merge([processMetrics(), registry]).metrics();
    },
    countRequest: (route, status) => requests.inc({ route, status }),
  };
}

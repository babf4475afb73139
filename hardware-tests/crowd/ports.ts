import type { Clock, CryptoProvider, Entropy, HostPort, Logger, ServerId } from '@cpns/shared';
import { createLogger, nativeProvider, SystemClock, systemEntropy } from '@cpns/shared/node';

/** What all devices of a crowd share. */
export interface CrowdPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly provider: CryptoProvider;
  readonly logger: Logger;
}

export interface CrowdServer {
  readonly idServer: ServerId;
  readonly address: HostPort;
}

/** Of this computer; only errors are logged. */
export function crowdPorts(): CrowdPorts {
  const logger = createLogger({ level: 'error', format: 'text' });
  return { clock: new SystemClock(), entropy: systemEntropy, provider: nativeProvider, logger };
}

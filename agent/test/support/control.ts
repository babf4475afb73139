import { SystemClock } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { onTestFinished } from 'vitest';
import type { AgentControl } from '../../src/control/agent-control.js';
import { ControlClient } from '../../src/control/control-client.js';
import { ControlServer, type ControlServerOptions } from '../../src/control/control-server.js';
import { controlPath } from '../../src/control/control-socket.js';
import { scratchDirectory } from './scratch.js';
import { scriptedAgent } from './scripted-agent.js';

export const systemClock = new SystemClock();

/** A control server over a real socket in front of a scripted agent. */
export async function serveControl(script: Partial<AgentControl>, options: Partial<ControlServerOptions> = {}) {
  const state = await scratchDirectory();
  const path = controlPath(state);
  const logger = new MemoryLogger();
  const server = await ControlServer.open({ agent: scriptedAgent(script), path, clock: systemClock, logger, ...options });
  onTestFinished(() => server.close());
  return { state, path, logger, server };
}

export async function controlClient(path: string): Promise<ControlClient> {
  const client = await ControlClient.connect(path, systemClock);
  onTestFinished(() => client.close());
  return client;
}

import { CpnsError, type ErrorFamily, toCpnsError } from '@cpns/shared';
import * as v from 'valibot';
import { AgentError, ExitCode, exitCodeOf } from './exit-codes.js';

/** Longest line from a client, in octets. */
export const MAX_REQUEST_OCTETS = 65_536;
/** Longest line from the agent: an inventory of 1,000 members fits several times. */
export const MAX_ANSWER_OCTETS = 4_194_304;

const FAMILIES = ['Codec', 'Auth', 'State', 'Timeout', 'Transport', 'Config', 'Internal'] as const satisfies readonly ErrorFamily[];

/** Chosen by the client, unique among its requests under way. */
const requestId = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** Valibot's objects let lists through. */
const plainObject = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const requestFrame = v.strictObject({
  id: requestId,
  method: v.pipe(v.string(), v.maxLength(64)),
  params: v.optional(plainObject, {}),
});
/** Ends a request under way; its answer is then an error. */
const cancelFrame = v.strictObject({ cancel: requestId });
const clientFrame = v.union([requestFrame, cancelFrame]);

const wireError = v.object({
  family: v.picklist(FAMILIES),
  code: v.string(),
  message: v.string(),
  exitCode: v.picklist(Object.values(ExitCode)),
});
const agentFrame = v.union([
  v.strictObject({ id: requestId, event: v.unknown() }),
  v.strictObject({ id: requestId, result: v.unknown() }),
  v.strictObject({ id: requestId, error: wireError }),
  /** The agent gives the connection up. */
  v.strictObject({ id: v.null(), error: wireError }),
]);

/** From a client, one per line. */
export type ClientFrame = v.InferOutput<typeof clientFrame>;
/** To a client, one per line: any number of events, then one result or one error. */
export type AgentFrame = v.InferOutput<typeof agentFrame>;
export type WireError = v.InferOutput<typeof wireError>;

function parse<T>(schema: v.GenericSchema<unknown, T>, line: string): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new CpnsError('Codec', 'BadLine', 'A line on the control connection is not JSON.', { cause });
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw new CpnsError('Codec', 'BadLine', 'A line on the control connection is not a control frame; use the same version on both sides.');
}

/** @throws CpnsError Codec/BadLine */
export const parseClientFrame = (line: string): ClientFrame => parse(clientFrame, line);
/** @throws CpnsError Codec/BadLine */
export const parseAgentFrame = (line: string): AgentFrame => parse(agentFrame, line);

export function toWireError(thrown: unknown): WireError {
  const error = toCpnsError(thrown);
  return { family: error.family, code: error.code, message: error.message, exitCode: exitCodeOf(error) };
}

export function fromWireError(error: WireError): AgentError {
  return new AgentError(error.family, error.code, error.message, error.exitCode);
}

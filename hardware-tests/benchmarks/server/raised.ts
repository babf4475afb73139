/** Limits that would stop a crowd which does in seconds what people do in months, and heartbeats, which are no part of an establishment. */
export const RAISED = {
  uplink: { handshakesPerSecondPerAddress: 10_000, handshakeBurstPerAddress: 10_000 },
  sessions: { heartbeatMs: 3_600_000, capabilitiesQueryMs: 86_400_000 },
  limits: {
    requestsPerSecondPerPne: 10_000,
    requestBurstPerPne: 10_000,
    establishmentsPerSecondPerGateway: 10_000,
    pnsPerGateway: 1_000_000,
  },
} as const;

const NAMED = Object.entries(RAISED).flatMap(([group, settings]) =>
  Object.entries(settings).map(([name, value]) => `${group}.${name} ${value.toLocaleString('en')}`),
);

/** {@link RAISED} for a report. */
export const RAISED_SETTINGS = `Set differently from the defaults: loopback only, no announcement, ${NAMED.join(', ')}.`;

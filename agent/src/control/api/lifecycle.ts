import * as v from 'valibot';

export const resetParams = v.strictObject({
  /** Forget the enrolment too; the agent then ends. */
  everything: v.optional(v.boolean(), false),
});
export type ResetParams = v.InferOutput<typeof resetParams>;

export interface ResetResult {
  readonly pairings: number;
  readonly pns: number;
  readonly messages: number;
  /** The enrolment was deleted as well. */
  readonly enrolment: boolean;
}

export interface LifecycleControl {
  /** Leaves everything: pairings, PNs, keys, outbox. One transaction; may be repeated. @throws CpnsError State */
  reset(params: ResetParams): Promise<ResetResult>;
  /** Begins to end the process; resolves at once. */
  stop(): Promise<Record<string, never>>;
}

/** What a long operation reports while it is under way, and how it learns that nobody waits for it any more. */
export interface Progress<Event> {
  /** Never throws; events after the end are ignored. */
  emit(event: Event): void;
  /** Fires when the client went away or gave up. The operation then ends as a refusal does: nothing half-done stays. */
  readonly signal: AbortSignal;
}

/** One step of a numbered progress: `3 of 7: Verifying the other device`. */
export interface StepEvent {
  readonly type: 'step';
  /** From 1. */
  readonly step: number;
  readonly of: number;
  readonly text: string;
}

import type { Party, Scene } from './scene.js';

/** What the person who asked for something was told in the end: 'unknown' is an honest word, too. Undefined: nothing yet. */
export type Told = 'done' | 'failed' | 'unknown' | undefined;

/** A flow under way. */
export interface Running {
  /** What the people who asked for it were told so far, each at his own device or at the server. */
  readonly told: ReadonlyMap<Party, Told>;
  /** Its effect stands at the server and at everybody concerned. */
  stands(): boolean;
}

/** Something that two or three sides do together, at each step of which one of them may lose its power. */
export interface Flow {
  readonly name: string;
  readonly title: string;
  /** The sides that take part, by the role they have in it. */
  readonly sides: Readonly<Record<string, Party>>;
  /** How long it lasts when nothing goes wrong, in ms of virtual time. */
  readonly lastsMs: number;
  /** A scene at rest, in which it can begin. */
  prepare(): Promise<Scene>;
  begin(scene: Scene): Running;
  /** Does it once more, as a person would who saw it fail, or wants another one. @throws when that does not work */
  again(scene: Scene): Promise<void>;
}

/** Keeps what somebody is told about something that he asked for. */
export function tell(told: Map<Party, Told>, who: Party, asked: Promise<unknown>): void {
  asked.then(
    () => told.set(who, 'done'),
    (error) => told.set(who, error.code === 'OutcomeUnknown' ? 'unknown' : 'failed'),
  );
}

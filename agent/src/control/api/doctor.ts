/** What one check found. `cure` is the exact command or setting that helps. */
export interface DoctorCheck {
  readonly name: string;
  readonly outcome: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly says: string;
  readonly cure?: string;
}

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
}

export interface DoctorControl {
  doctor(signal: AbortSignal): Promise<DoctorReport>;
}

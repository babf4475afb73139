import { VirtualClock } from '@cpns/shared/testing';
import { expect, it } from 'vitest';
import { PatientClock } from '../../../rigs/kernel/inside/patient-clock.js';

it('a patient clock waits longer, and counts as much less', async () => {
  const clock = new VirtualClock();
  const patient = new PatientClock(clock, 3);
  const begunMs = patient.monotonicMs();
  let rang = false;
  patient.after(1_000, () => {
    rang = true;
  });
  await clock.advance(2_999);
  expect(rang).toBe(false);
  await clock.advance(1);
  expect(rang).toBe(true);
  expect(patient.monotonicMs() - begunMs).toBeCloseTo(1_000);
});

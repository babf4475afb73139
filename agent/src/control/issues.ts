import type * as v from 'valibot';

/** The first thing that is wrong with a value from outside, as one sentence with its path. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  return path === '' ? `${issue.message}.` : `${path}: ${issue.message}.`;
}

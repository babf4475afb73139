import type { Played } from '../../player.js';

/** One line of the guest's report, as JSON. */
export type ReportLine = { readonly step: { readonly scenario: string; readonly text: string } } | { readonly over: Played };

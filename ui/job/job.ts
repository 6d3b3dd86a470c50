/** What the user's server says of the job that it runs in, and what follows from it for the clock. Pure. */

import type { RunningCost } from "../hub/running-cost.js";

export interface Job {
  queue: string;
  job_id: number | null;
  node: string;
  /** ISO 8601; null while Slurm has not said it. */
  ends_at: string | null;
  /** Null where nothing is charged, or nothing is known of it yet. */
  cost: RunningCost | null;
}

export interface Gpu {
  number: string;
  /** Null where no driver tells it, as all figures below. */
  busy_percent: number | null;
  memory_used_mb: number | null;
  memory_given_mb: number | null;
}

export interface Usage {
  cpus_used: number | null;
  cpus_given: number | null;
  memory_used_mb: number;
  memory_given_mb: number | null;
  gpus: Gpu[];
}

export interface JobAnswer {
  job: Job | null;
  /** A sentence while the hub does not answer, else ''. */
  problem: string;
  usage: Usage;
  /** The server's clock, ISO 8601: the reader's may be wrong. */
  now: string;
}

/** Minutes before the end at which the reader is warned, the earliest first. */
export const WARNINGS = [15, 5] as const;
/** Seconds before the end at which open documents are saved; the first time with the last warning. */
export const SAVES_S = [300, 60] as const;

/** Seconds from `now` until the job ends; null when that is not known. */
export function secondsLeft(job: Job | null, now: number): number | null {
  const end = job?.ends_at == null ? NaN : Date.parse(job.ends_at);
  return Number.isNaN(end) ? null : Math.max(0, Math.round((end - now) / 1000));
}

/** What is due by `left` seconds before the end, and was not done before for this end. */
export class Alarm {
  private end: string | null = null;
  private warned = Infinity;
  private saved = Infinity;

  /** Whether to warn, with the minutes that were reached, and whether to save. A new end begins anew. */
  ring(job: Job | null, left: number | null): { warn: number | null; save: boolean } {
    const end = job?.ends_at ?? null;
    if (end !== this.end) {
      this.end = end;
      this.warned = Infinity;
      this.saved = Infinity;
    }
    if (left === null) {
      return { warn: null, save: false };
    }
    const reached = WARNINGS.findLast((minutes) => left <= minutes * 60);
    const warn = reached !== undefined && reached < this.warned ? reached : null;
    const due = SAVES_S.findLast((seconds) => left <= seconds);
    const save = due !== undefined && due < this.saved && left > 0;
    this.warned = Math.min(this.warned, reached ?? Infinity);
    this.saved = Math.min(this.saved, due ?? Infinity);
    return { warn, save };
  }
}

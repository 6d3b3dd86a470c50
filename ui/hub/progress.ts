/** What the wait page knows, folded from JupyterHub's progress events and ours; pure. */

/** One event of /hub/api/users/NAME/server/progress. */
export interface ProgressEvent {
  progress?: number;
  message?: string;
  ready?: boolean;
  failed?: boolean;
  url?: string;
  job_id?: number | null;
  state?: string;
  reason?: string;
  queue?: string;
  submitted_at?: string | null;
  estimated_start?: string | null;
  log_lines?: string[];
  preparing?: number | null;
}

export type Stage = "submitting" | "waiting" | "starting" | "ready" | "failed";

export interface Progress {
  stage: Stage;
  /** 0 submitted, 1 waiting, 2 starting, 3 ready; never goes back unless Slurm put the job back into the queue. */
  step: 0 | 1 | 2 | 3;
  /** Slurm does not answer: what is shown is what was last known. */
  silent: boolean;
  jobId: number | null;
  state: string;
  reason: string;
  queue: string;
  submittedAt: string | null;
  estimatedStart: string | null;
  message: string;
  url: string | null;
  logLines: readonly string[];
  /** Share of the notebook environment that this start has made; null when it makes none, or no longer. */
  preparing: number | null;
}

export const BEGINNING: Progress = {
  stage: "submitting",
  step: 0,
  silent: false,
  jobId: null,
  state: "",
  reason: "",
  queue: "",
  submittedAt: null,
  estimatedStart: null,
  message: "",
  url: null,
  logLines: [],
  preparing: null,
};

const WAITING = new Set(["PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"]);
/** READY is ours: the server has answered, and the hub is about to call it ready. */
const STARTING = new Set(["CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT", "READY"]);

/** The progress after one more event; fields that the event does not name stay as they were. */
export function advance(before: Progress, event: ProgressEvent): Progress {
  const told: Progress = {
    ...before,
    jobId: event.job_id ?? before.jobId,
    state: event.state ?? before.state,
    reason: event.reason ?? before.reason,
    queue: event.queue ?? before.queue,
    submittedAt: event.submitted_at ?? before.submittedAt,
    estimatedStart: event.estimated_start === undefined ? before.estimatedStart : event.estimated_start,
    message: event.message ?? before.message,
    logLines: event.log_lines ?? before.logLines,
    preparing: event.preparing === undefined ? before.preparing : event.preparing,
    url: event.url ?? before.url,
    silent: event.state === undefined ? before.silent : event.state === "UNKNOWN",
  };
  if (event.ready === true) {
    return { ...told, stage: "ready", step: 3, silent: false };
  }
  if (event.failed === true) {
    return { ...told, stage: "failed", silent: false };
  }
  if (event.state !== undefined && WAITING.has(event.state)) {
    return { ...told, stage: "waiting", step: 1 };
  }
  if (event.state !== undefined && STARTING.has(event.state)) {
    return { ...told, stage: "starting", step: 2, estimatedStart: null };
  }
  return told;
}

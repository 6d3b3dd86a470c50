/** What a user's server tells of IPython clusters, and what it is asked for. */

export type State = "starting" | "waiting" | "running" | "degraded" | "stopping" | "failed";

/** The engines of one node, as a job of Slurm. */
export interface Job {
  node: number;
  job_id: number | null;
  state: string;
  /** Why it waits, in a sentence; '' while it does not. */
  reason: string;
  host: string;
  started_at: string | null;
  ends_at: string | null;
  ended: boolean;
  exit_code: number;
}

/** A cluster to start; what a profile has no use for is left out. */
export interface Order {
  profile: string;
  engines: number;
  nodes?: number;
  queue?: string;
  time_limit?: string;
  /** Who pays; left out where nothing is charged. */
  account?: string;
  name?: string;
}

export interface Cluster extends Required<Order> {
  id: string;
  kind: "slurm" | "local" | "own";
  registered: number;
  state: State;
  error: string;
  jobs: Job[];
  log_lines: string[];
}

export interface Listing {
  profiles: string[];
  clusters: Cluster[];
  /** Why nothing is known of the jobs at present, or ''. */
  problem: string;
}

/** True when the cluster changes by itself soon. */
export function isMoving(cluster: Cluster): boolean {
  return cluster.state === "starting" || cluster.state === "waiting" || cluster.state === "stopping";
}

/** The lines of Python that use the cluster in a notebook. */
export function howToUse(cluster: Cluster): string {
  const name = cluster.name === "" ? "" : `, cluster_id="${cluster.name}"`;
  return `import ipyparallel as ipp\nrc = ipp.Client(profile="${cluster.profile}"${name})`;
}

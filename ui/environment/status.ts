/** What the server tells of the notebook environment; the same from the hub and from a user's Jupyter server. */

export type Action = "create" | "repair" | "reset";

export type Condition = "missing" | "ready" | "broken";

export interface Problem {
  code: string;
  text: string;
  remedy: Action;
  /** False: everything works, it is worth knowing. */
  serious: boolean;
}

/** A package of the user's own, on top of the base. */
export interface Package {
  name: string;
  version: string;
  size_bytes: number;
  installer: string;
}

export interface Status {
  condition: Condition;
  kind: string;
  prefix: string;
  python: string;
  base: string;
  newest_base: string;
  packages: Package[];
  problems: Problem[];
}

/** One action under way, or the last one that was. */
export interface Errand {
  action: Action;
  step: string;
  /** Share of the whole, 0 to 1. */
  done: number;
  finished: boolean;
  error: string | null;
}

export interface Answer {
  status: Status;
  errand: Errand | null;
}

export function isUnderWay(errand: Errand | null): errand is Errand {
  return errand !== null && !errand.finished;
}

export function totalSize(packages: readonly Package[]): number {
  return packages.reduce((sum, each) => sum + each.size_bytes, 0);
}

/** Clusters in words. Pure. */

import { fill } from "../environment/texts.js";
import type { Cluster } from "./clusters.js";
import type { Texts } from "./texts.js";

/** By what people tell it from others. */
export function describeName(cluster: Pick<Cluster, "profile" | "name">): string {
  return cluster.name === "" ? cluster.profile : `${cluster.profile} · ${cluster.name}`;
}

export function describeRegistered(cluster: Cluster, texts: Texts): string {
  return fill(texts.registered, { registered: cluster.registered, engines: cluster.engines });
}

/** What has changed between two looks, for those who do not see the page. */
export function describeNews(before: readonly Cluster[], now: readonly Cluster[], texts: Texts): string[] {
  const known = new Map(before.map((cluster) => [cluster.id, cluster] as const));
  const changed = now.filter((cluster) => known.get(cluster.id)?.state !== cluster.state);
  const gone = before.filter((cluster) => !now.some(({ id }) => id === cluster.id));
  return [
    ...changed.map((cluster) => {
      const registered = cluster.state === "failed" ? cluster.error : describeRegistered(cluster, texts);
      return fill(texts.news, { cluster: describeName(cluster), state: texts[cluster.state], registered });
    }),
    ...gone.map((cluster) => fill(texts.ended, { cluster: describeName(cluster) })),
  ];
}

/** The REST contract of IPython clusters, over whatever carries requests. */

import { parseAnswer, readText } from "../environment/answers.js";
import type { Cluster as Resources } from "../hub/cluster.js";
import type { Cluster, Listing, Order } from "./clusters.js";

/** Sends one request to `path` below the server's base URL. Throws TypeError or DOMException when nothing answers. */
export type Request = (method: "GET" | "POST" | "DELETE", path: string, body?: object) => Promise<Response>;

export interface ClustersApi {
  read(): Promise<Listing>;
  start(order: Order): Promise<Cluster>;
  /** Resolves also when the cluster has gone meanwhile. */
  stop(id: string): Promise<void>;
  /** The resource table (row Q1). */
  readResources(): Promise<Resources>;
}

const CLUSTERS = "neuronhub/clusters";
const QUEUES = "neuronhub/queues";
const GONE = 404;

export function overHttp(request: Request): ClustersApi {
  return {
    read: async () => parseAnswer<Listing>(await readText(await request("GET", CLUSTERS)), "clusters"),
    start: async (order) => parseAnswer<Cluster>(await readText(await request("POST", CLUSTERS, order)), "id"),
    stop: async (id) => {
      const response = await request("DELETE", `${CLUSTERS}/${id}`);
      if (response.status !== GONE) {
        await readText(response);
      }
    },
    readResources: async () => parseAnswer<Resources>(await readText(await request("GET", QUEUES)), "queues"),
  };
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { overHttp } from "../clusters/api.js";
import { type Cluster, howToUse, isMoving } from "../clusters/clusters.js";
import { translateTexts } from "../clusters/texts.js";
import { countUnits, isProblem, MOST_ENGINES, readOrder, type Typed } from "../clusters/wish.js";
import { describeName, describeNews } from "../clusters/words.js";
import { Refused } from "../environment/answers.js";
import type { Queue } from "../hub/cluster.js";
import { QUEUE } from "./queue.js";

const TEXTS = translateTexts((english) => english);

const TYPED: Typed = { profile: "slurm", engines: "5", nodes: "2", queue: "gpu", time_limit: "", name: "" };

const CLUSTER: Cluster = {
  id: "c1ac1ac1",
  kind: "slurm",
  profile: "slurm",
  engines: 3,
  nodes: 2,
  queue: "gpu",
  time_limit: "",
  account: "",
  name: "",
  registered: 0,
  state: "starting",
  error: "",
  jobs: [],
  log_lines: [],
};

function wrong(change: Partial<Typed>, queue: Queue | undefined = QUEUE): string {
  const wish = readOrder({ ...TYPED, ...change }, queue, TEXTS, "en");
  assert.ok(isProblem(wish), JSON.stringify(wish));
  return `${wish.field}: ${wish.text}`;
}

test("what is typed becomes an order", () => {
  const order = { profile: "slurm", engines: 5, nodes: 2, queue: "gpu", time_limit: "1:00:00", name: "second" };
  const typed = { ...TYPED, engines: " 5", time_limit: " 1:00:00 ", name: " second " };
  assert.deepEqual(readOrder(typed, QUEUE, TEXTS, "en"), order);
  const local = { ...TYPED, profile: "local", nodes: null, queue: null, time_limit: null };
  assert.deepEqual(readOrder(local, undefined, TEXTS, "en"), { profile: "local", engines: 5, name: "" });
});

test("what cannot be asked for is said at its field", () => {
  for (const engines of ["", "0", "-1", "2.5", "1e3", String(MOST_ENGINES + 1)]) {
    assert.equal(wrong({ engines }), "engines: Ask for 1 to 4096 engines.");
  }
  assert.equal(wrong({ nodes: "6" }), "nodes: Each node needs an engine: ask for 1 to 5 nodes.");
  assert.equal(wrong({ nodes: "4" }), "nodes: Too many nodes: at most 3 in the queue gpu at present.");
  const one = { ...QUEUE, max_nodes: 1 };
  assert.equal(wrong({ nodes: "2" }, one), "nodes: Too many nodes: at most 1 in the queue gpu at present.");
  assert.match(wrong({ time_limit: "2-00:00:00" }), /^time_limit: Too long: at most 1 day/);
  assert.equal(wrong({ time_limit: "soon" }), `time_limit: ${TEXTS.need_time}`);
  for (const name of ["-x", "a b", "한글", "x".repeat(33)]) {
    assert.equal(wrong({ name }), `name: ${TEXTS.need_name}`);
  }
});

test("without a queue none is asked for", () => {
  const wish = readOrder(TYPED, undefined, TEXTS, "en");
  assert.deepEqual(wish, { field: "queue", text: TEXTS.need_queue });
});

test("each node's job gets its units: nodes, GPUs, or cores, of shared nodes one for each engine", () => {
  assert.deepEqual(countUnits(QUEUE, 2, 5), [1, 1]);
  const gpus: Queue = { ...QUEUE, price: { amount: "1500", per: "gpu-hour", units: 4 } };
  assert.deepEqual(countUnits(gpus, 3, 5), [4, 4, 4]);
  const shared: Queue = { ...QUEUE, places: { free: 1, total: 1 } };
  assert.deepEqual(countUnits({ ...shared, price: { amount: "100", per: "core-hour", units: 1 } }, 2, 5), [3, 2]);
  assert.deepEqual(countUnits(shared, 2, 5), [1, 1]);
});

test("changes are told once, with the cluster's name", () => {
  const running: Cluster = { ...CLUSTER, state: "running", registered: 3, name: "second" };
  assert.deepEqual(describeNews([], [CLUSTER], TEXTS), ["slurm: Starting. 0 of 3 engines registered"]);
  assert.deepEqual(describeNews([CLUSTER], [running], TEXTS), ["slurm · second: Running. 3 of 3 engines registered"]);
  assert.deepEqual(describeNews([running], [running], TEXTS), []);
  assert.deepEqual(describeNews([running], [], TEXTS), ["slurm · second has ended."]);
  const failed: Cluster = { ...running, state: "failed", error: "The queue is closed." };
  assert.deepEqual(describeNews([running], [failed], TEXTS), ["slurm · second: Failed. The queue is closed."]);
});

test("a cluster is used by its profile, and by its name when it has one", () => {
  assert.equal(howToUse(CLUSTER), 'import ipyparallel as ipp\nrc = ipp.Client(profile="slurm")');
  assert.match(howToUse({ ...CLUSTER, name: "second" }), /profile="slurm", cluster_id="second"/);
  assert.equal(describeName(CLUSTER), "slurm");
  assert.deepEqual(
    (["starting", "waiting", "running", "degraded", "stopping", "failed"] as const).map((state) => isMoving({ ...CLUSTER, state })),
    [true, true, false, false, true, false],
  );
});

test("to stop what is gone is fine; a server that cannot stop says why", async () => {
  const asked: string[] = [];
  const server = (status: number, body: string): ReturnType<typeof overHttp> =>
    overHttp((method, path) => {
      asked.push(`${method} ${path}`);
      return Promise.resolve(new Response(status === 204 ? null : body, { status }));
    });
  await server(404, "").stop("c1ac1ac1");
  await server(204, "").stop("c1ac1ac1");
  assert.deepEqual(asked, Array(2).fill("DELETE neuronhub/clusters/c1ac1ac1"));
  await assert.rejects(server(503, '{"message": "The hub does not answer."}').stop("c1ac1ac1"), (error) => {
    assert.ok(error instanceof Refused);
    assert.equal(error.message, "The hub does not answer.");
    return true;
  });
});

/** The texts of IPython Clusters in English. */

import { translateEach } from "../environment/texts.js";

/** Marks a text for the message catalogues. */
function mark(text: string): string {
  return text;
}

export const ENGLISH = {
  title: mark("IPython Clusters"),
  lead: mark("Start engines, processes of Python that compute together, and use them in your notebooks."),
  loading: mark("Looking for your clusters …"),
  slurm_hint: mark("Engines on nodes of a queue, as jobs of your own."),
  local_hint: mark("Engines on the node that your Jupyter runs on, within its job. Costs nothing more."),
  own_hint: mark("A profile of your own: engines start as its ipcluster_config.py says."),
  engine: mark("engine (number of processes)"),
  node: mark("node (number of nodes)"),
  queue: mark("queue"),
  time_limit: mark("Time limit (optional)"),
  name: mark("Name (optional)"),
  time_hint: mark("Minutes, H:MM:SS or D-HH:MM:SS"),
  time_default: mark("Left empty: {time}"),
  name_hint: mark("Tells several clusters of one profile apart: letters, digits, _ and -"),
  choose: mark("Choose a queue"),
  queue_free: mark("{name} (free)"),
  queue_charged: mark("{name} (charged)"),
  queue_closed: mark("{name} (not available)"),
  cost: mark("Cost"),
  cost_free: mark("Free of charge"),
  cost_hourly: mark("{amount} an hour"),
  cost_nodes: mark("{nodes} × {price} an hour."),
  cost_at_most: mark("At most {amount}"),
  cost_for: mark("If it runs for its whole time limit, {time}. Stop it earlier and you pay less."),
  need_engines: mark("Ask for 1 to {most} engines."),
  need_nodes: mark("Each node needs an engine: ask for 1 to {most} nodes."),
  need_queue: mark("Choose a queue from the table."),
  need_time: mark("Write a time in one of the forms below."),
  too_long: mark("Too long: at most {time} in this queue."),
  too_many_nodes: mark("The queue {queue} has {nodes} nodes that can be used."),
  need_name: mark("A name has up to 32 letters, digits, _ and -, and begins with a letter or digit."),
  taken: mark("A cluster of this profile and name is there already. Stop it, or give a name."),
  start: mark("Start"),
  starting_label: mark("Starting …"),
  stop: mark("Stop"),
  stop_named: mark("Stop {cluster}"),
  starting: mark("Starting"),
  waiting: mark("Waiting for resources"),
  running: mark("Running"),
  degraded: mark("Some engines have ended"),
  stopping: mark("Stopping"),
  failed: mark("Failed"),
  registered: mark("{registered} of {engines} engines registered"),
  use: mark("Use it in a notebook"),
  copy: mark("Copy"),
  copied: mark("Copied. Paste it into a cell of a notebook."),
  not_copied: mark("The browser does not let this page copy. Select the lines and press Ctrl+C."),
  jobs: mark("Jobs"),
  job: mark("Job"),
  slurm_state: mark("Slurm state"),
  host: mark("Node"),
  until: mark("Until"),
  log: mark("The last lines of the log"),
  news: mark("{cluster}: {state}. {registered}"),
  ended: mark("{cluster} has ended."),
  resources: mark("Resources"),
  legend: mark("Alloc: nodes in use. Idle: nodes free to use. Down: nodes that cannot be used."),
  refresh: mark("Refresh"),
  refreshed: mark("The table is up to date."),
  updated: mark("Updated {age} ago"),
  column_queue: mark("Queue"),
  column_alloc: mark("Alloc"),
  column_idle: mark("Idle"),
  column_down: mark("Down"),
  column_total: mark("Total"),
  column_waiting: mark("Waiting"),
  column_free: mark("Free now"),
  column_price: mark("Price per hour"),
  free: mark("free"),
  charged: mark("charged"),
  places: mark("{free} of {total} notebooks"),
  no_queues: mark("Slurm has not answered yet. This page tries again by itself."),
  silent: mark("The server does not answer. Check your connection and press Refresh."),
  odd: mark("The server's answer cannot be read. Reload the page; if it happens again, tell the operators."),
  signed_out: mark("You are signed out. Reload the page and sign in again."),
} as const;

export type Texts = Readonly<Record<keyof typeof ENGLISH, string>>;

/** The texts, each as `translate` says it. */
export function translateTexts(translate: (english: string) => string): Texts {
  return translateEach(ENGLISH, translate);
}

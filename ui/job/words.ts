/** The clock's and the meters' words. */

import { fill } from "../environment/texts.js";
import { describeDuration } from "../hub/durations.js";
import { formatMoney, parseDecimal } from "../hub/money.js";
import { costUntil, type RunningCost } from "../hub/running-cost.js";
import type { Gpu, Usage } from "./job.js";

/** Marks a text for the message catalogues. */
function mark(text: string): string {
  return text;
}

export const ENGLISH = {
  left: mark("{time} left"),
  last_minute: mark("less than 1 minute left"),
  over: mark("time is over"),
  job: mark("Job {id}"),
  node: mark("Node {node}"),
  ends: mark("Ends at {time}"),
  cpu: mark("CPU {used} of {given}"),
  memory: mark("Memory {used} of {given}"),
  gpu: mark("GPU {number}: {busy}, memory {used} of {given}"),
  gpu_unknown: mark("GPU {number}"),
  of_this_job: mark("What this job uses of what it was given"),
  silent: mark("The server does not answer. The time shown goes on by your computer's clock."),
  warning: mark("Jupyter ends in {minutes} minutes, at {time}. Kernels and terminals end; files stay."),
  warning_next: mark("Open documents are saved now and again before the end."),
  name: mark("This job: queue, time left, cost and use"),
  free: mark("free"),
  so_far: mark("{amount} so far"),
  free_queue: mark("Free of charge"),
  account: mark("Account {account}"),
  hourly: mark("{amount} an hour"),
  of_engines: mark("{amount} of it for engines"),
  most: mark("At most {amount} for the whole time limit"),
  away: mark("Away for {time} in all, which is not charged"),
  away_since: mark("Away since {time}"),
  away_warning: mark("Away since {since}: unused, and computing nothing. Jupyter ends at {end} unless you go on working."),
  away_warning_engines: mark("Away since {since}: unused, and computing nothing. Engines end at {end} unless you go on working."),
  not_saved: mark("{name} could not be saved. Save it yourself before the server ends."),
} as const;

export type Texts = Readonly<Record<keyof typeof ENGLISH, string>>;

/** `4980` seconds -> `1 h 23 min left`, in the language. */
export function describeLeft(seconds: number, texts: Texts, language: string): string {
  if (seconds < 60) {
    return seconds <= 0 ? texts.over : texts.last_minute;
  }
  const minutes = Math.floor(seconds / 60);
  const parts: [number, string][] = [
    [Math.floor(minutes / 1440), "day"],
    [Math.floor((minutes % 1440) / 60), "hour"],
    [minutes >= 1440 ? 0 : minutes % 60, "minute"],
  ];
  const time = parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(count))
    .join(" ");
  return fill(texts.left, { time });
}

/** What the job costs until `now`, in a few words; '' where nothing is charged. */
export function describeCost(cost: RunningCost | null, now: number, texts: Texts, language: string): string {
  if (cost === null) {
    return "";
  }
  const amount = formatMoney(costUntil(cost, now), cost.currency, language);
  return cost.free ? texts.free : fill(texts.so_far, { amount });
}

/** Who pays, by what, how much at most, and what is not charged: a line each. */
export function describeCharge(cost: RunningCost | null, texts: Texts, language: string): string[] {
  if (cost === null || cost.free) {
    return cost === null ? [] : [texts.free_queue];
  }
  const money = (amount: string): string => formatMoney(amount, cost.currency, language);
  const minutes = Math.floor(cost.away_s / 60);
  return [
    fill(texts.account, { account: cost.account }),
    // Nothing an hour: the ledger has not seen the job run yet, or it is over.
    parseDecimal(cost.per_hour).digits === 0n ? "" : fill(texts.hourly, { amount: money(cost.per_hour) }),
    parseDecimal(cost.engines).digits === 0n ? "" : fill(texts.of_engines, { amount: money(cost.engines) }),
    fill(texts.most, { amount: money(cost.most) }),
    minutes === 0 ? "" : fill(texts.away, { time: describeDuration(minutes * 60, language) }),
    cost.away_since === null ? "" : fill(texts.away_since, { time: describeTime(cost.away_since, language) }),
  ].filter((line) => line !== "");
}

/** A warning of what is ended at `end` for being away. */
export function describeAwayEnd(cost: RunningCost, end: string, texts: Texts, language: string): string {
  const since = describeTime(cost.away_since ?? cost.counted_at, language);
  const text = cost.ends_engines ? texts.away_warning_engines : texts.away_warning;
  return fill(text, { since, end: describeTime(end, language) });
}

/** `14:02`, as the language writes it. */
export function describeTime(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(new Date(iso));
}

/** `1536` MB (2^20 bytes) -> `1.5 GB`. */
export function describeMemory(megabytes: number, language: string): string {
  const big = megabytes >= 1000;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: big ? "gigabyte" : "megabyte",
    maximumFractionDigits: big ? 1 : 0,
  }).format(big ? megabytes / 1024 : megabytes);
}

/** One line for each of CPU, memory and GPUs; what is not known is left out. */
export function describeUsage(usage: Usage, texts: Texts, language: string): string[] {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const lines: string[] = [];
  if (usage.cpus_used !== null) {
    const given = usage.cpus_given === null ? "?" : number.format(usage.cpus_given);
    lines.push(fill(texts.cpu, { used: number.format(usage.cpus_used), given }));
  }
  const given = usage.memory_given_mb === null ? "?" : describeMemory(usage.memory_given_mb, language);
  lines.push(fill(texts.memory, { used: describeMemory(usage.memory_used_mb, language), given }));
  return [...lines, ...usage.gpus.map((gpu) => describeGpu(gpu, texts, language))];
}

function describeGpu(gpu: Gpu, texts: Texts, language: string): string {
  if (gpu.busy_percent === null || gpu.memory_used_mb === null || gpu.memory_given_mb === null) {
    return fill(texts.gpu_unknown, { number: gpu.number });
  }
  return fill(texts.gpu, {
    number: gpu.number,
    busy: new Intl.NumberFormat(language, { style: "percent" }).format(gpu.busy_percent / 100),
    used: describeMemory(gpu.memory_used_mb, language),
    given: describeMemory(gpu.memory_given_mb, language),
  });
}

/** Share of memory in use, 0 to 1; null when it is not known. Near 1 the job will be killed. */
export function memoryShare(usage: Usage): number | null {
  return usage.memory_given_mb === null ? null : Math.min(1, usage.memory_used_mb / usage.memory_given_mb);
}

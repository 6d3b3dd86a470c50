/** Spans of time: Slurm's forms in and out, and words in the reader's language. */

const MINUTES = /^\d{1,7}$/;
const CLOCK = /^(?:(\d{1,4})-)?(\d{1,4}):([0-5]\d):([0-5]\d)$/;

/** Seconds of `minutes`, `H:MM:SS` or `D-HH:MM:SS`; null when the text is none of them or no time at all. */
export function parseTimeLimit(text: string): number | null {
  const trimmed = text.trim();
  if (MINUTES.test(trimmed)) {
    return Number(trimmed) * 60 || null;
  }
  const match = CLOCK.exec(trimmed);
  if (match === null) {
    return null;
  }
  const [, days, hours, minutes, seconds] = match;
  if (days !== undefined && Number(hours) > 23) {
    return null;
  }
  return Number(days ?? 0) * 86400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) || null;
}

/** `5400` -> `1:30:00`, `172800` -> `2-00:00:00`. */
export function formatTimeLimit(seconds: number): string {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const clock = `${pad(Math.floor((seconds % 3600) / 60))}:${pad(seconds % 60)}`;
  return days > 0 ? `${days}-${pad(hours)}:${clock}` : `${hours}:${clock}`;
}

/** A running clock: `0:07`, `12:07`, `1:12:07`, `2-01:12:07`. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 3600 ? `${Math.floor(whole / 60)}:${pad(whole % 60)}` : formatTimeLimit(whole);
}

/** `5400` -> `1 hour 30 minutes` in the language; every unit that is not zero is named. */
export function describeDuration(seconds: number, language: string): string {
  const units: [Intl.NumberFormatOptions["unit"], number][] = [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ];
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count > 0) {
      parts.push(inUnit(count, unit, language));
    }
  }
  return parts.join(" ") || inUnit(0, "second", language);
}

/** One rough unit for an age: `3 seconds`, `2 minutes`, `5 hours`. */
export function describeAge(seconds: number, language: string): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 100) {
    return inUnit(whole, "second", language);
  }
  return whole < 5400
    ? inUnit(Math.round(whole / 60), "minute", language)
    : inUnit(Math.round(whole / 3600), "hour", language);
}

function inUnit(count: number, unit: Intl.NumberFormatOptions["unit"], language: string): string {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}

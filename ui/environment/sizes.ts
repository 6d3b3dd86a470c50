/** Sizes as people read them. */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Three digits at most and the unit, in the reader's language: "873 kB", "1.2 GB". Units are decimal, as disks count. */
export function formatSize(bytes: number, language: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = { maximumFractionDigits: unit > 0 && value < 9.95 ? 1 : 0 };
  return new Intl.NumberFormat(language, { style: "unit", unit: UNITS[unit] ?? "byte", ...digits }).format(value);
}

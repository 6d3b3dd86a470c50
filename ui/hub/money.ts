/** Money without floating point: decimal texts, as the API has them, and whole numbers of the smallest unit. Pure. */

/** `digits` × 10^-`scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const DECIMAL = /^(-?\d+)(?:\.(\d+))?$/;
const NO_MORE_ZEROS = /\.?0+$/;

/** `12.50` -> 1250 × 10^-2. Throws RangeError for anything else than a plain decimal number. */
export function parseDecimal(text: string): Decimal {
  const match = DECIMAL.exec(text);
  if (match === null) {
    throw new RangeError(`not a decimal number: ${text}`);
  }
  const [, whole = "", fraction = ""] = match;
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}

/** The opposite, without zeros that say nothing: 1250 × 10^-2 -> `12.5`. */
export function renderDecimal({ digits, scale }: Decimal): string {
  if (scale === 0) {
    return String(digits);
  }
  const sign = digits < 0n ? "-" : "";
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0");
  const point = text.length - scale;
  return sign + `${text.slice(0, point)}.${text.slice(point)}`.replace(NO_MORE_ZEROS, "");
}

export function multiply(left: Decimal, right: Decimal): Decimal {
  return { digits: left.digits * right.digits, scale: left.scale + right.scale };
}

/** `100 - percent` hundredths. */
export function lessPercent(percent: string): Decimal {
  const { digits, scale } = parseDecimal(percent);
  return { digits: 10n ** BigInt(scale + 2) - digits, scale: scale + 2 };
}

/** `amount / divisor`, not below zero, in units of 10^-`decimals`, rounded down or up. */
export function divide(amount: Decimal, divisor: bigint, decimals: number, rounding: "down" | "up"): bigint {
  const numerator = amount.digits * 10n ** BigInt(decimals);
  const denominator = divisor * 10n ** BigInt(amount.scale);
  return rounding === "up" ? (numerator + denominator - 1n) / denominator : numerator / denominator;
}

/** `12.50` with two decimals -> 1250; more decimals than that are cut off. */
export function toMinor(text: string, decimals: number): bigint {
  return divide(parseDecimal(text), 1n, decimals, "down");
}

/** 1250 with two decimals -> `12.5`. */
export function fromMinor(minor: bigint, decimals: number): string {
  return renderDecimal({ digits: minor, scale: decimals });
}

/** `5000`, `KRW` -> `₩5,000`; all decimals that are there are shown, as in the price of a second. */
export function formatMoney(amount: string, currency: string, language: string): string {
  const plain = renderDecimal(parseDecimal(amount));
  const style = { style: "currency", currency } as const;
  const usual = new Intl.NumberFormat(language, style).resolvedOptions().maximumFractionDigits ?? 0;
  const there = plain.split(".")[1]?.length ?? 0;
  const format = new Intl.NumberFormat(language, { ...style, maximumFractionDigits: Math.max(usual, there) });
  return format.format(plain as Intl.StringNumericLiteral); // as text: a number would lose digits
}

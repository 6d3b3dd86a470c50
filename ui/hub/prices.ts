/** What a start can cost at most, and money in words. */

/** Money for `seconds` at `pricePerHour` (a decimal text), rounded up to the currency's smallest unit. */
export function highestCost(pricePerHour: string, seconds: number, currency: string): number {
  const unit = 10 ** (new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2);
  const cost = (Number(pricePerHour) * seconds * unit) / 3600;
  return Math.ceil(Number(cost.toFixed(6))) / unit;
}

/** `5000`, `KRW` -> `₩5,000`. */
export function formatMoney(amount: number | string, currency: string, language: string): string {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(Number(amount));
}

// Numbers and moments for reading.

export const NOTHING = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 1000 ? whole.format(value) : three.format(value);
}

export const count = (value) => (value === null || value === undefined ? NOTHING : whole.format(value));

export const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);

/** Seconds, in the unit that needs the fewest digits. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return NOTHING;
  return seconds >= 1 ? `${three.format(seconds)} s` : `${three.format(Number((1000 * seconds).toFixed(2)))} ms`;
}

export const clock = (milliseconds) =>
  new Date(milliseconds).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function moment(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? String(text) : `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export const plain = (name) => name.replaceAll("_", " ");

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export const list = (items) => new Intl.ListFormat("en", { type: "conjunction" }).format(items);

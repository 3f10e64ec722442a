// Times, sizes and words as the page shows them.

/** What marks each state. Colour is never the only difference: each has a sign and a word too. */
export const STATES = {
  verified: { sign: "✓", word: "Verified" },
  rejected: { sign: "✕", word: "Rejected" },
  unkeyed: { sign: "?", word: "No secret" },
  handshake: { sign: "⇄", word: "Set-up request" },
};

const two = (number) => String(number).padStart(2, "0");

/** The local time of day of `ms`, in milliseconds since 1970. */
export function clock(ms) {
  const time = new Date(ms);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** The local date and time, with milliseconds if there are any. */
export function date(ms) {
  const time = new Date(ms);
  const rest = time.getMilliseconds();
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${clock(ms)}${rest ? `.${String(rest).padStart(3, "0")}` : ""}`;
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1_048_576) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** A length of time, in seconds, without its sign. */
export function duration(seconds) {
  const s = Math.abs(seconds);
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  if (s < 172_800) return `${(s / 3600).toFixed(1)} h`;
  return `${Math.round(s / 86_400)} days`;
}

/** `signature_mismatch` as words. */
export const words = (code) => code.replaceAll("_", " ");

/** A sentence: it begins with a capital letter and ends with a full stop. */
export function sentence(text) {
  if (!text) return "";
  const whole = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

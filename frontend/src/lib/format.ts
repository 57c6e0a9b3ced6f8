const units = ["B", "KB", "MB", "GB"] as const;

/** A size for people, in steps of 1024. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? "B"}`;
}

/** "just now", "5 min ago", "3 h ago", "yesterday", "12 days ago", then a date. */
export function formatAgo(iso: string, now: number): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return "";
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  if (days === 1) return "yesterday";
  if (days < 30) return `${days} days ago`;
  return new Date(then).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** "in 5 min", "in 3 h", "in 12 days"; "now" for what is past. Rounded, since it says how long is left. */
export function formatUntil(iso: string, now: number): string {
  const left = Date.parse(iso) - now;
  if (Number.isNaN(left)) return "";
  if (left <= 0) return "now";
  const minutes = Math.max(1, Math.round(left / 60_000));
  if (minutes < 60) return `in ${minutes} min`;
  const hours = Math.round(left / 3_600_000);
  if (hours < 48) return `in ${hours} h`;
  return `in ${Math.round(left / 86_400_000)} days`;
}

/** "0:07", "12:30", "1:02:03": a time in a recording, from seconds. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** "out of memory" → "Out of memory." */
export function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}

/** A phase's reason where the phase stands beside it: "stopped: nobody used it for 2h" → "nobody used it for 2h". */
export function bareReason(reason: string): string {
  return reason.replace(/^(waiting|waiting for room|stopped|failed): /i, "");
}

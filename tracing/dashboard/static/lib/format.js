/** A place in a call, `0:07.3`. @param {number} seconds @param {number} [digits] */
export function clock(seconds, digits = 0) {
  const safe = Math.max(0, Number.isFinite(seconds) ? seconds : 0);
  const unit = 10 ** digits;
  const whole = Math.floor(safe * unit) / unit;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A length of time, `38 ms`, `1.24 s`. @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * Labels for the ticks of one axis: all in ms or all in s, with as many digits as tell them apart.
 * @param {number[]} times seconds, evenly spaced
 * @returns {(time: number) => string}
 */
export function timeLabels(times) {
  const longest = Math.max(0, ...times.map(Math.abs));
  const step = times.length > 1 ? times[1] - times[0] : longest;
  const [unit, scale] = longest < 1 ? ["ms", 1000] : ["s", 1];
  const digits = step > 0 ? Math.min(4, Math.max(0, Math.ceil(-Math.log10(step * scale) - 1e-9))) : 0;
  return (time) => `${(time * scale).toFixed(digits)} ${unit}`;
}

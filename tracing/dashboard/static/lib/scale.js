/** A stretch of time that fills the width. @typedef {{from: number, to: number}} View */

/**
 * Ticks at round values, so that about `count` fit.
 * @param {View} view seconds
 * @param {number} count
 * @returns {number[]}
 */
export function ticks(view, count) {
  const span = view.to - view.from;
  if (!(span > 0) || count < 1) return [];
  const step = roundStep(span / count);
  const first = Math.ceil(view.from / step - 1e-9);
  const last = Math.floor(view.to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** The next of 1, 2, 5 × 10ⁿ below a minute, and of whole parts of an hour above. @param {number} raw */
function roundStep(raw) {
  if (raw > 10) return [15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((step) => step >= raw) ?? 7200;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw * 0.999) ?? raw;
}

/** @param {View} view @param {number} time @returns {number} 0 at the left edge, 1 at the right */
export function place(view, time) {
  return (time - view.from) / (view.to - view.from);
}

/** @param {View} view @param {number} fraction @returns {number} seconds */
export function timeAt(view, fraction) {
  return view.from + Math.min(1, Math.max(0, fraction)) * (view.to - view.from);
}

/**
 * A view of a stretch with some air at both ends, inside the whole.
 * @param {View} stretch @param {View} whole
 * @returns {View}
 */
export function around(stretch, whole) {
  const air = Math.max(0.02 * (stretch.to - stretch.from), 1e-4);
  return { from: Math.max(whole.from, stretch.from - air), to: Math.min(whole.to, stretch.to + air) };
}

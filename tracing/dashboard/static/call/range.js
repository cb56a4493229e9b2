/** @typedef {import("../lib/scale.js").View} View */

const SMALLEST = 2e-3; // s: below this, clocks of different processes say nothing

/**
 * A view made longer or shorter about a time that stays where it is.
 * @param {View} view @param {number} factor below 1 zooms in @param {number} at @param {View} whole
 * @returns {View}
 */
export function scaled(view, factor, at, whole) {
  const length = Math.min(whole.to - whole.from, Math.max(SMALLEST, (view.to - view.from) * factor));
  const share = Math.min(1, Math.max(0, (at - view.from) / (view.to - view.from)));
  return within({ from: at - share * length, to: at + (1 - share) * length }, whole);
}

/** A view moved by a share of its own length. @param {View} view @param {number} share @param {View} whole */
export function moved(view, share, whole) {
  const by = share * (view.to - view.from);
  return within({ from: view.from + by, to: view.to + by }, whole);
}

/** @param {View} view @param {View} whole @returns {View} of the same length as far as the whole has room */
function within({ from, to }, whole) {
  const length = Math.min(to - from, whole.to - whole.from);
  const start = Math.min(Math.max(from, whole.from), whole.to - length);
  return { from: start, to: start + length };
}

/** For the address, seconds from `zero`. @param {View} view @param {number} zero */
export function written(view, zero) {
  return [view.from, view.to].map((time) => String(Math.round((time - zero) * 1e4) / 1e4)).join("-");
}

/** @param {string} text @param {number} zero @param {View} whole @returns {View | null} null for what is no range */
export function parsed(text, zero, whole) {
  const found = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text);
  if (!found) return null;
  const [from, to] = [Number(found[1]) + zero, Number(found[2]) + zero];
  return to - from >= SMALLEST / 2 && to > whole.from && from < whole.to ? within({ from, to }, whole) : null;
}

import { place } from "../lib/scale.js";

/** @typedef {{item_id: string, role: "caller" | "agent", uri: string, offset_ms: number, seconds: number, peaks: number[]}} Recording */
/** @typedef {{caller: Float32Array, agent: Float32Array, rate: number}} Lanes */
/** @typedef {{from: number, to: number}} Stretch seconds */

export const PEAKS_PER_SECOND = 50;
const SPEAKING = 0.04; // a peak below this is a room, not a voice

/**
 * Lay the recordings on two lanes of one clock, so that what overlapped lies one above the other.
 * @param {Recording[]} audio @param {number} seconds length of the call
 * @returns {Lanes}
 */
export function lanes(audio, seconds) {
  const ends = audio.map((each) => each.offset_ms / 1000 + each.peaks.length / PEAKS_PER_SECOND);
  const length = Math.ceil(Math.max(seconds, 0, ...ends) * PEAKS_PER_SECOND) + 1;
  const made = { caller: new Float32Array(length), agent: new Float32Array(length), rate: PEAKS_PER_SECOND };
  for (const each of audio) {
    const lane = each.role === "caller" ? made.caller : made.agent;
    const first = Math.round((each.offset_ms / 1000) * PEAKS_PER_SECOND);
    each.peaks.forEach((peak, index) => {
      const at = first + index;
      if (at >= 0 && at < length) lane[at] = Math.max(lane[at], Math.min(1, Math.abs(peak) || 0));
    });
  }
  return made;
}

/**
 * Stretches in which both speak, in seconds.
 * @param {Lanes} both
 * @returns {Stretch[]}
 */
export function overlaps({ caller, agent, rate }) {
  /** @type {Stretch[]} */
  const found = [];
  for (let index = 0; index < caller.length; index += 1) {
    if (caller[index] < SPEAKING || agent[index] < SPEAKING) continue;
    const last = found.at(-1);
    const from = index / rate;
    if (last && from - last.to < 0.25) last.to = from + 1 / rate;
    else found.push({ from, to: from + 1 / rate });
  }
  return found;
}

/**
 * The loudest peak under one column of the picture.
 * @param {Float32Array} lane @param {number} rate @param {number} from @param {number} to seconds
 */
export function loudest(lane, rate, from, to) {
  const first = Math.max(0, Math.floor(from * rate));
  const last = Math.min(lane.length - 1, Math.max(first, Math.ceil(to * rate) - 1));
  let top = 0;
  for (let index = first; index <= last; index += 1) top = Math.max(top, lane[index]);
  return top;
}

/**
 * How much to enlarge a lane so that a quiet line fills its half of the picture; never so much that
 * a quiet room looks like speech.
 * @param {Float32Array} lane
 */
export function gain(lane) {
  const top = lane.reduce((most, peak) => Math.max(most, peak), 0);
  return top > 0 ? Math.min(4, Math.max(1, 0.95 / top)) : 1;
}

/**
 * @param {HTMLCanvasElement} canvas @param {Lanes} both @param {Stretch[]} together both speak
 * @param {Stretch} view @param {Record<"caller" | "agent" | "overlap" | "line", string>} colours
 * @param {number} dimFrom fraction of the width after which nothing was played yet
 */
export function draw(canvas, both, together, view, colours, dimFrom) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  if (!context || width === 0) return;
  context.scale(ratio, ratio);
  context.fillStyle = colours.overlap;
  for (const { from, to } of together) {
    const x = place(view, from) * width;
    const wide = Math.max(2, place(view, to) * width - x);
    if (x + wide > 0 && x < width) context.fillRect(x, 0, wide, height);
  }
  context.fillStyle = colours.line;
  context.fillRect(0, height / 2 - 0.5, width, 1);
  const step = (view.to - view.from) / width;
  for (const [lane, colour, middle] of /** @type {[Float32Array, string, number][]} */ ([
    [both.caller, colours.caller, height / 4],
    [both.agent, colours.agent, (3 * height) / 4],
  ])) {
    context.fillStyle = colour;
    const enlarged = (gain(lane) * height) / 4.4;
    for (let x = 0; x < width; x += 3) {
      const from = view.from + x * step;
      const half = Math.max(0.5, loudest(lane, both.rate, from, from + 3 * step) * enlarged);
      context.globalAlpha = x / width < dimFrom ? 1 : 0.55;
      context.fillRect(x, middle - half, 2, 2 * half);
    }
    context.globalAlpha = 1;
  }
}

/**
 * Colours from the stylesheet, as the canvas understands them.
 * @param {HTMLElement} canvas
 */
export function colours(canvas) {
  const probe = document.createElement("span");
  canvas.after(probe);
  /** @param {string} name */
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = { caller: read("caller"), agent: read("agent"), overlap: read("overlap"), line: read("line") };
  probe.remove();
  return found;
}

import { byId, element, svg } from "../lib/dom.js";
import { clock, duration } from "../lib/format.js";
import { around, place, ticks, timeAt } from "../lib/scale.js";
import { colours, draw, lanes, overlaps } from "./waveform.js";

/** @typedef {import("../lib/scale.js").View} View */
/** @typedef {{trace_id: string, started: number, seconds: number, latency_ms: number | null, interrupted_at: number | null, interrupted_of: number | null, errors: number, stages: Record<string, number | null>}} Turn */

const LEAST = 0.5; // seconds, the nearest that one can look
const STAGES = ["end_of_turn", "speech_to_text", "model", "tools", "text_to_speech"];

/** The picture of the whole call: two lanes, an axis, and the turns as blocks under them. */
export class Timeline {
  /**
   * @param {import("./player.js").Player} player
   * @param {(trace: string) => void} choose
   * @param {() => void} changed told when the reader's hand zoomed
   */
  constructor(player, choose, changed = () => {}) {
    this.player = player;
    this.choose = choose;
    this.changed = changed;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("wave"));
    /** @type {Turn[]} */
    this.turns = [];
    this.chosen = "";
    this.both = lanes([], 0);
    this.together = overlaps(this.both);
    this.painted = -1;
    /** @type {View} */
    this.whole = { from: 0, to: 1 };
    this.view = this.whole;
    this.colours = colours(this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.#seek(event));
    this.canvas.addEventListener("pointermove", (event) => event.buttons === 1 && this.#seek(event));
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.pan = /** @type {HTMLInputElement} */ (byId("pan"));
    this.pan.addEventListener("input", () => this.#moveTo(Number(this.pan.value)));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    const recolour = () => {
      this.colours = colours(this.canvas);
      this.draw();
    };
    document.addEventListener("themechange", recolour);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  }

  /** @param {{call: {started: number, seconds: number}, turns: Turn[], audio: import("./waveform.js").Recording[]}} data */
  show(data) {
    this.both = lanes(data.audio, data.call.seconds);
    this.together = overlaps(this.both);
    const ends = data.audio.map((each) => each.offset_ms / 1000 + each.seconds);
    this.started = data.call.started;
    this.turns = data.turns;
    const zoomed = this.view !== this.whole;
    this.whole = { from: 0, to: Math.max(data.call.seconds, this.player.length, 0.1, ...ends) };
    if (!zoomed) this.view = this.whole;
    byId("timeline").hidden = false;
    byId("length").textContent = clock(this.whole.to);
    this.#tellOverlaps();
    this.canvas.setAttribute("aria-valuemax", String(Math.round(this.whole.to)));
    this.draw();
  }

  /** @param {string} trace @returns {View | null} seconds from the start of the call */
  stretch(trace) {
    const turn = this.turns.find((each) => each.trace_id === trace);
    if (!turn) return null;
    const from = turn.started - (this.started ?? 0);
    return { from, to: from + turn.seconds };
  }

  /** @param {string} trace "" for none */
  mark(trace) {
    this.chosen = trace;
    for (const block of byId("blocks").children) {
      if (block.getAttribute("data-trace") === trace) block.setAttribute("aria-current", "true");
      else block.removeAttribute("aria-current");
    }
  }

  /** @param {View | null} stretch null shows the whole call */
  zoom(stretch) {
    this.view = stretch ? around(stretch, this.whole) : this.whole;
    this.draw();
  }

  get zoomed() {
    return this.view !== this.whole;
  }

  /** Nearer by `factor`, with the place under `at` (a fraction of the width) staying where it is. @param {number} factor @param {number} [at] */
  zoomBy(factor, at) {
    const wide = this.view.to - this.view.from;
    const head = place(this.view, this.player.now);
    const pivot = at ?? (head >= 0 && head <= 1 ? head : 0.5);
    const next = Math.max(LEAST, wide / factor);
    if (next >= this.whole.to - this.whole.from) this.view = this.whole;
    else {
      const from = this.view.from + pivot * (wide - next);
      this.view = this.#inside(from, next);
    }
    this.draw();
  }

  /** A view of so many seconds that does not leave the call. @param {number} from @param {number} wide @returns {View} */
  #inside(from, wide) {
    const start = Math.min(Math.max(this.whole.from, from), this.whole.to - wide);
    return { from: start, to: start + wide };
  }

  /** @param {number} from seconds */
  #moveTo(from) {
    if (!this.zoomed) return;
    this.view = this.#inside(from, this.view.to - this.view.from);
    this.draw();
  }

  /** As on maps: with Ctrl (which a pinch sets) nearer and farther, sideways along. @param {WheelEvent} event */
  #wheel(event) {
    const box = this.canvas.getBoundingClientRect();
    if (event.ctrlKey) {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 200), (event.clientX - box.left) / box.width);
      this.changed();
      return;
    }
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (!this.zoomed || Math.abs(sideways) < Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
    event.preventDefault();
    this.#moveTo(this.view.from + (sideways / box.width) * (this.view.to - this.view.from));
  }

  #tellOverlaps() {
    const seconds = this.together.reduce((sum, { from, to }) => sum + to - from, 0);
    byId("overlaps").hidden = this.together.length === 0;
    byId("together").textContent = `both speak, ${seconds.toFixed(1)} s`;
  }

  draw() {
    const axis = byId("axis");
    const count = Math.max(2, Math.floor(axis.clientWidth / 90));
    const digits = (this.view.to - this.view.from) / count < 1 ? 1 : 0;
    axis.replaceChildren(
      ...ticks(this.view, count).map((time) => {
        const at = place(this.view, time);
        const tick = element("span", { class: at > 0.95 ? "edge" : "" }, clock(time, digits));
        tick.style.left = `${100 * at}%`;
        return tick;
      }),
    );
    byId("blocks").replaceChildren(...this.turns.map((turn, index) => this.#block(turn, index)));
    this.mark(this.chosen);
    this.pan.hidden = !this.zoomed;
    this.pan.max = String(this.whole.to - (this.view.to - this.view.from));
    this.pan.value = String(this.view.from);
    this.pan.setAttribute("aria-valuetext", `${clock(this.view.from)} to ${clock(this.view.to)}`);
    this.painted = -1;
    this.tick();
  }

  /** Follow the player, cheaply: what was played stands out, the cursor moves. */
  tick() {
    const now = this.player.now;
    if (this.zoomed && this.player.playing && (now < this.view.from || now > this.view.to)) this.#moveTo(now);
    const at = place(this.view, now);
    byId("cursor").style.left = `${100 * at}%`;
    byId("cursor").hidden = at < 0 || at > 1;
    const column = Math.round((Math.min(1, Math.max(0, at)) * this.canvas.clientWidth) / 3);
    if (column !== this.painted) draw(this.canvas, this.both, this.together, this.view, this.colours, at);
    this.painted = column;
    this.canvas.setAttribute("aria-valuenow", String(Math.round(this.player.now)));
    this.canvas.setAttribute("aria-valuetext", clock(this.player.now));
  }

  /** @param {Turn} turn @param {number} index */
  #block(turn, index) {
    const from = place(this.view, turn.started - (this.started ?? 0));
    // Who cuts in begins a turn before the last one has ended: its block gives way.
    const ends = Math.min(turn.started + turn.seconds, this.turns[index + 1]?.started ?? Infinity);
    const to = place(this.view, ends - (this.started ?? 0));
    const of = turn.interrupted_of ? ` of ${turn.interrupted_of.toFixed(1)}` : "";
    const cut = turn.interrupted_at === null ? "" : `${turn.interrupted_at.toFixed(1)}${of} s`;
    const heard = cut && ` interrupted, heard ${cut}`;
    const errors = turn.errors ? ` ${turn.errors} ${turn.errors === 1 ? "error" : "errors"}` : "";
    const label = `Turn ${index + 1}, first audio ${duration(turn.latency_ms)}${heard}${errors}`;
    const block = element("button", { type: "button", "data-trace": turn.trace_id, "aria-label": label, title: label });
    block.append(element("strong", {}, `${index + 1}`), ` ${duration(turn.latency_ms)}`);
    if (heard) block.append(" ", element("span", { class: "cut" }, `✂ ${cut}`));
    if (errors) block.append(" ", element("span", { class: "wrong" }, `⚠ ${turn.errors}`));
    block.append(stack(turn.stages));
    // A block that begins left of the picture keeps its words in sight.
    const left = Math.max(0, from);
    block.style.left = `${100 * left}%`;
    block.style.width = `max(0.5rem, calc(${100 * (Math.min(1, to) - left)}% - 2px))`;
    block.hidden = to <= 0 || from >= 1;
    block.addEventListener("click", () => this.choose(turn.trace_id));
    return block;
  }

  /** @param {PointerEvent} event */
  #seek(event) {
    const box = this.canvas.getBoundingClientRect();
    this.player.seek(timeAt(this.view, (event.clientX - box.left) / box.width));
  }
}

/** What share of the latency each stage had. @param {Record<string, number | null>} stages */
function stack(stages) {
  const total = STAGES.reduce((sum, stage) => sum + (stages[stage] ?? 0), 0) || 1;
  const bar = svg("svg", { width: "100%", height: "8", "aria-hidden": "true" });
  let x = 0;
  for (const stage of STAGES) {
    const width = (100 * (stages[stage] ?? 0)) / total;
    if (!width) continue;
    bar.append(svg("rect", { class: `stage-${stage}`, x: `${x}%`, width: `${width}%`, height: "100%" }));
    x += width;
  }
  return bar;
}
